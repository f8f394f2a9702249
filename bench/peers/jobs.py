"""The jobs of bench/run in PyTorch and Transformers.

    python jobs.py JOB MODEL DTYPE IDS THREADS LIMIT

JOB: score, sft or generate; MODEL: a Hugging Face folder; DTYPE: f32 or bf16; IDS: JSONL of rows with `ids`; LIMIT:
seconds. Prints what measure.py says.

- score: log-probs of every next id of all rows, in one batch, without gradients.
- sft: one step (forward, backward, clipping, AdamW) over all rows in one batch. bf16: F32 weights under autocast.
- generate: 16 samples of 128 new tokens of the first row.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM

from measure import measure


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


def main(job, folder, dtype, ids_file, threads, limit_s):
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    ids = torch.tensor([json.loads(line)["ids"] for line in open(ids_file)])
    held = torch.bfloat16 if dtype == "bf16" and job != "sft" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=held)
    tokens = 16 * 128 if job == "generate" else ids.numel()
    if job == "sft":
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
        run = lambda: sft(model, ids, optimizer, dtype)
    else:
        model.eval()
        run = lambda: {"score": score, "generate": generate}[job](model, ids)
    measure(run, tokens, float(limit_s))


if __name__ == "__main__":
    main(*sys.argv[1:])
