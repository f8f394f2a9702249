"""The log-softmax of PEFT's and Transformers' logits beside what `rlt logp` printed, in a folder of peft.sh.

    python3 peft_logits.py FAMILY...

For each family: base-FAMILY/model and student-FAMILY/model are a model and an adapter over it, full-FAMILY/model is the
model trained in full; rows-FAMILY.jsonl holds
prefixes of a sequence with every id of the vocabulary behind each, so that the last log-prob of a row is one element of a
log-softmax over the whole vocabulary; full-FAMILY.jsonl, adapted-FAMILY.jsonl and merged-FAMILY.jsonl are what `rlt logp` made
of them with the full student, with the adapter and with the merged model. Prints the largest differences; exit 1 where one is above 1e-3.
"""
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def read(path, key):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)[key] for line in lines]


def last_log_probs(model, prefixes):
    with torch.no_grad():
        rows = [model(input_ids=torch.tensor([ids])).logits[0, -1] for ids in prefixes]
        return torch.cat([torch.log_softmax(row, -1) for row in rows])


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def check(family):
    base = load(f"base-{family}/model")
    rows = read(f"rows-{family}.jsonl", "ids")
    vocabulary = base.config.vocab_size
    assert [row[-1] for row in rows] == list(range(vocabulary)) * (len(rows) // vocabulary)
    prefixes = [row[:-1] for row in rows[::vocabulary]]
    plain = last_log_probs(base, prefixes)
    full = load(f"full-{family}/model")
    full_wants = last_log_probs(full, prefixes)
    adapted_wants = last_log_probs(PeftModel.from_pretrained(base, f"student-{family}/model").eval(), prefixes)
    moved, worst = min((want - plain).abs().max().item() for want in (full_wants, adapted_wants)), 0.0
    print(f"{family}: either training moves log-probs by up to {moved:.2e} or more")
    for kind, want in (("full", full_wants), ("adapted", adapted_wants), ("merged", adapted_wants)):
        have = torch.tensor([row[-1] for row in read(f"{kind}-{family}.jsonl", "logp")])
        difference = (have - want).abs().max().item()
        print(f"{family}: {kind}: {len(have)} log-probs, largest difference {difference:.2e}")
        worst = max(worst, difference)
    return moved > 0.1 and worst <= 1e-3


sys.exit(0 if all([check(family) for family in sys.argv[1:]]) else 1)
