"""The jobs of bench/run in PyTorch and Transformers.

    python jobs.py JOB MODEL DTYPE IDS THREADS

JOB: score, sft or generate; MODEL: a Hugging Face folder; DTYPE: f32 or bf16; IDS: JSONL of rows with `ids`. Prints one
JSON line: seconds of the job (the second time it is done, without loading), tokens that count, peak memory of the
process in bytes.

- score: log-probs of every next id of all rows, in one padded batch, without gradients.
- sft: one step (forward, backward, clipping, AdamW) over all rows in one batch. bf16: F32 weights under autocast.
- generate: 16 samples of 128 new tokens of the first row.
"""
import json
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM


def score(model, ids):
    with torch.inference_mode():
        logits = model(ids[:, :-1]).logits.float()
        logp = torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None])
    return logp.numel()


def sft(model, ids, optimizer, dtype):
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
        loss = model(ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return ids.numel()


def generate(model, ids):
    with torch.inference_mode():
        out = model.generate(ids[:1], attention_mask=torch.ones_like(ids[:1]), do_sample=True, num_return_sequences=16,
                             temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=128, min_new_tokens=128,
                             pad_token_id=0)
    return (out.shape[1] - ids.shape[1]) * out.shape[0]


def main(job, folder, dtype, ids_file, threads):
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    ids = torch.tensor([json.loads(line)["ids"] for line in open(ids_file)])
    held = torch.bfloat16 if dtype == "bf16" and job != "sft" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=held)
    if job == "sft":
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
        run = lambda: sft(model, ids, optimizer, dtype)
    else:
        model.eval()
        run = lambda: {"score": score, "generate": generate}[job](model, ids)
    run()
    start = time.perf_counter()
    tokens = run()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "tokens": tokens, "peak_bytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
