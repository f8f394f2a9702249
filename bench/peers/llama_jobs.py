"""The jobs of bench/run in llama.cpp, by the C interface that llama-cpp-python opens.

    python llama_jobs.py JOB GGUF IDS THREADS LIMIT [check]

JOB: score, sft or generate; GGUF: of gguf_file.py; IDS: JSONL of rows with `ids`; LIMIT: seconds. Prints what
measure.py says. With check it prints instead what is to be compared with others': score the log-probs of the last row's
next ids, sft the mean loss of all rows before and after training on each once.

- score: all rows are decoded as prompts, each a sequence of its own. Logits are asked for at the end of each only, as
  llama.cpp's own timing of prompts does, so this is less work than log-probs of all ids.
- sft: an epoch over all rows, as llama-finetune does it (llama_train.py) with a context as long as a row. It has no
  batch larger than a context, so each row is followed by a step of AdamW.
- generate: the first row is decoded once and shared by 16 sequences; then 128 batches of a token each, sampled by
  llama.cpp's sampler at temperature 1, without log-probs.
"""
import ctypes
import json
import sys

import llama_cpp as llama
import numpy as np

from llama_train import Trainer
from measure import measure

SAMPLES, NEW_TOKENS = 16, 128


@llama.llama_log_callback
def quiet(level, text, data):
    pass


def load(path, **changes):
    llama.llama_backend_init()
    llama.llama_log_set(quiet, ctypes.c_void_p(0))
    settings = llama.llama_model_default_params()
    for name, value in changes.items():
        setattr(settings, name, value)
    return llama.llama_model_load_from_file(path.encode(), settings) or sys.exit(f"llama.cpp cannot load {path}")


def open_context(model, threads, **changes):
    settings = llama.llama_context_default_params()
    for name, value in {"n_threads": threads, "n_threads_batch": threads, **changes}.items():
        setattr(settings, name, value)
    return llama.llama_init_from_model(model, settings) or sys.exit("llama.cpp makes no context")


class Decoder:
    def __init__(self, path, threads, rows_max, sequences, shared):
        self.model = load(path)
        self.context = open_context(self.model, threads, n_ctx=rows_max, n_batch=rows_max, n_seq_max=sequences,
                                    kv_unified=shared) # one cache that all attend over, else one each
        self.memory = llama.llama_get_memory(self.context)
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.batch = llama.llama_batch_init(rows_max, 0, 1)

    def decode(self, rows):
        """rows: (id, position, sequence, whether its logits are wanted)."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, position, wanted
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
        if llama.llama_decode(self.context, batch) != 0:
            sys.exit("llama_decode failed")

    def logits(self, i):
        return np.ctypeslib.as_array(llama.llama_get_logits_ith(self.context, i), (self.vocabulary,))


def score(decoder, rows):
    llama.llama_memory_clear(decoder.memory, False)
    decoder.decode([(token, p, s, p == len(ids) - 1) for s, ids in enumerate(rows) for p, token in enumerate(ids)])
    llama.llama_synchronize(decoder.context)
    return sum(len(ids) - 1 for ids in rows)


def check(decoder, ids):
    llama.llama_memory_clear(decoder.memory, False)
    decoder.decode([(token, p, 0, True) for p, token in enumerate(ids)])
    values = []
    for i, token in enumerate(ids[1:]):
        logits = decoder.logits(i).astype(np.float64)
        top = logits.max()
        values.append(logits[token] - top - np.log(np.exp(logits - top).sum()))
    print(json.dumps({"logp": values}))


def generate(decoder, prompt):
    llama.llama_memory_clear(decoder.memory, False)
    sampler = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    llama.llama_sampler_chain_add(sampler, llama.llama_sampler_init_temp(1.0))
    llama.llama_sampler_chain_add(sampler, llama.llama_sampler_init_dist(1))
    decoder.decode([(token, p, 0, p == len(prompt) - 1) for p, token in enumerate(prompt)])
    for s in range(1, SAMPLES):
        llama.llama_memory_seq_cp(decoder.memory, 0, s, -1, -1)
    draw = lambda i: llama.llama_sampler_sample(sampler, decoder.context, i)
    tokens = [draw(len(prompt) - 1) for _ in range(SAMPLES)]
    for n in range(1, NEW_TOKENS):
        decoder.decode([(token, len(prompt) + n - 1, s, True) for s, token in enumerate(tokens)])
        tokens = [draw(s) for s in range(SAMPLES)]
    llama.llama_sampler_free(sampler)
    return SAMPLES * NEW_TOKENS


def trainer_of(path, rows, threads):
    model = load(path, load_mode=llama.LLAMA_LOAD_MODE_NONE)
    length = len(rows[0]) # in batches shorter than the context K and V would get no gradients
    context = open_context(model, threads, n_ctx=length, n_batch=length, n_ubatch=length, type_k=llama.GGML_TYPE_F32,
                           type_v=llama.GGML_TYPE_F32)
    # llama-finetune's warm-up: from decoding alone does the backend learn how many threads it may use
    llama.llama_decode(context, llama.llama_batch_get_one((llama.llama_token * 2)(0, 0), 2))
    llama.llama_memory_clear(llama.llama_get_memory(context), True)
    return Trainer(model, context, rows)


def train(trainer, tokens):
    trainer.epoch(True)
    return tokens


def check_sft(trainer):
    before = trainer.epoch(False)
    trainer.epoch(True)
    print(json.dumps({"before": before, "after": trainer.epoch(False)}))


def main(job, path, ids_file, threads, limit_s, *rest):
    rows = [json.loads(line)["ids"] for line in open(ids_file)]
    tokens, threads, limit_s = sum(map(len, rows)), int(threads), float(limit_s)
    if job == "sft":
        trainer = trainer_of(path, rows, threads)
        if rest:
            check_sft(trainer)
        else:
            measure(lambda: train(trainer, tokens), tokens, limit_s)
    elif rest:
        check(Decoder(path, threads, len(rows[-1]), 1, False), rows[-1])
    elif job == "score":
        decoder = Decoder(path, threads, tokens, len(rows), False)
        measure(lambda: score(decoder, rows), tokens, limit_s)
    else:
        decoder = Decoder(path, threads, len(rows[0]) + SAMPLES * NEW_TOKENS + 256, SAMPLES, True)
        measure(lambda: generate(decoder, rows[0]), SAMPLES * NEW_TOKENS, limit_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
