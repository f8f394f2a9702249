"""One step of TRL's GRPOTrainer with the RLT reward as a function.

    python trl_step.py MODEL DTYPE ROWS THREADS LIMIT

ROWS: JSONL of two rows with `prompt` (the teacher's, which the policy goes on from), `before` (the student's text
before the explanation), `after` (what follows it, before the solution) and `solution`. 8 samples each of up to 64 new
tokens, reference model, beta 0.04. The reward runs student and policy once each over all samples. Prints what
measure.py says; tokens are the sampled ones.
"""
import json
import sys
import tempfile

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from measure import measure

SAMPLES, NEW_TOKENS, TEMPERATURE = 8, 64, 0.7


def logprobs(model, rows):
    """Of each next id, for rows of ids of any length: one padded batch."""
    length = max(map(len, rows))
    ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    with torch.inference_mode():
        logits = model(ids, attention_mask=mask).logits[:, :-1].float() / TEMPERATURE
        return torch.log_softmax(logits, -1).gather(-1, ids[:, 1:, None])[..., 0]


class Reward:
    __name__ = "rlt"

    def __init__(self, student, tokenizer):
        self.student, self.tokenizer, self.teacher, self.tokens = student, tokenizer, None, 0

    def __call__(self, prompts, completion_ids, before, after, solution, **_):
        encode = lambda text: self.tokenizer(text, add_special_tokens=False)["input_ids"]
        prompts, before, after, solution = ([encode(text) for text in texts]
                                            for texts in (prompts, before, after, solution))
        of_teacher = logprobs(self.teacher, [p + o for p, o in zip(prompts, completion_ids)])
        of_student = logprobs(self.student, [b + o + a + s for b, o, a, s
                                             in zip(before, completion_ids, after, solution)])
        self.tokens += sum(map(len, completion_ids))
        rewards = []
        for i, o in enumerate(completion_ids):
            start = len(before[i]) - 1
            end = start + len(o) + len(after[i])
            s = of_student[i, end:end + len(solution[i])]
            kl = of_teacher[i, len(prompts[i]) - 1:][:len(o)] - of_student[i, start:start + len(o)]
            rewards.append(float(s.mean() + 0.01 * s.min() - 3 * kl.mean() - 0.03 * kl.max()))
        return rewards


def main(folder, dtype, rows_file, threads, limit_s):
    torch.set_num_threads(int(threads))
    held = torch.bfloat16 if dtype == "bf16" else torch.float32
    tokenizer = AutoTokenizer.from_pretrained(folder)
    student = AutoModelForCausalLM.from_pretrained(folder, dtype=held).eval()
    reward = Reward(student, tokenizer)
    rows = [json.loads(line) for line in open(rows_file)]
    settings = GRPOConfig(
        output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none",
        save_strategy="no", max_steps=1, per_device_train_batch_size=len(rows) * SAMPLES, num_generations=SAMPLES,
        max_completion_length=NEW_TOKENS, temperature=TEMPERATURE, top_k=0, top_p=1.0, beta=0.04, loss_type="grpo",
        learning_rate=1e-6, model_init_kwargs={"dtype": held}, disable_tqdm=True)
    trainer = GRPOTrainer(model=folder, args=settings, train_dataset=Dataset.from_list(rows), reward_funcs=reward,
                          processing_class=tokenizer)
    reward.teacher = trainer.model

    def run():
        trainer.train()
        return reward.tokens

    for model in (student, trainer.model): # warm up: two tokens
        ids = torch.tensor([[1, 2, 3]])
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=2, pad_token_id=0)
    measure(run, len(rows) * SAMPLES * NEW_TOKENS, float(limit_s), warm=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
