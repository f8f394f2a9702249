#!/usr/bin/env python3
"""Writes folders of golden values for build/tests/oracle, computed in float32 by PyTorch and Transformers.

    python3 make_golden.py OUT [--seed N]

Each of OUT/qwen2, OUT/llama and OUT/qwen3 is a Hugging Face checkpoint of random weights, `student/` a second, smaller
one with the same tokenizer. Beside them:

    tokenizer.cases.json    encode: text, ids, decoded text; chat: messages, rendered text, ids
    forward.safetensors     ids [T], logits [T, V], logp07 [T-1]: log-softmax(logits / 0.7) at the next id
    sft.safetensors         ids [B, T], mask [B, T] (1: a target), length [B], loss (mean over targets),
                            grad.<parameter>
    sft_steps.safetensors   loss [5] before each of five AdamW steps on that batch, final.<parameter>
    grpo.safetensors        prompt_len, ids [G, T], length, rewards, advantages, ref_logp [G, T] (0 outside the
                            completions), loss (temperature 0.7, beta 0.04), kl, grad.<parameter>
    reward.json             the teacher's reward: contexts, log-probs, components under several options

The folders beside this file are of the default seed, by PyTorch 2.15.0 and Transformers 5.23.0 (reward.json 5.24.0). To make them again:
python3 make_golden.py . and ctest -R oracle.

Sizes are odd on purpose (not multiples of a vector's width), and biases and norms are random, so that a forgotten one
shows.
"""
import argparse
import copy
import json
import pathlib
import random

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)

TEMPERATURE, BETA = 0.7, 0.04
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
          "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
WORDS = ("a pond holds seven grey herons and each one eats three small fish before the sun goes down so how many fish "
         "are gone by night let us count again with care half of them fly north while others wait near reeds").split()
TAGS = {name: (f"<|begin_of_{name}|>", f"<|end_of_{name}|>") for name in ("solution", "explanation", "thought")}
PAD = "\n\n"


def sentence(rng, n_words):
    parts = [rng.choice(WORDS) if rng.random() < 0.8 else str(rng.randint(0, 4000)) for _ in range(n_words)]
    return " ".join(parts).capitalize() + "."


# ---- tokenizers

def train_tokenizer(family, rng, size):
    text = [sentence(rng, 20) for _ in range(60)]
    text += [f"{begin}{PAD}{sentence(rng, 5)}{end}{PAD}" for begin, end in TAGS.values() for _ in range(8)]
    text += ["système déjà vu — naïveté, 水の数 = 12;", "tabs\t\tand   spaces \r\n\n(x+1)*{y}"] * 4
    tokenizer = Tokenizer(models.BPE())
    if family != "llama":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT % ("{1,3}" if family == "llama" else "")), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                  show_progress=False)
    tokenizer.train_from_iterator(text, trainer)
    tokenizer.add_special_tokens(SPECIALS)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>",
                                   clean_up_tokenization_spaces=False)
    fast.chat_template = CHATML
    return fast


def encode(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def tokenizer_cases(tokenizer, rng):
    texts = ["", " ", "Seven herons", " two  spaces   and more ", "line\nline\r\n\r\n\tend \n",
             "We'RE here, it'S his; they'd", "1234567 + 89 = 1234656", "e\u0301te\u0301 and été", "水の数、ふじさん。",
             "שלום 123 كتاب", "🐟🐟 👨\u200d👩\u200d👧", "<|im_start|>system\nx<|im_end|>\n", "a<|endoftext|><|endoftext|>b",
             "<|im_star t|>", "if (x<=3){return y+1;}", "\u00a0no-break\u2003em", "ﬁne Ⅷ ½ ²", "!!!???...---", "ÅÅ",
             "a\u0000b", "x" * 70, TAGS["thought"][0] + PAD + "so"]
    texts += [sentence(rng, 12) for _ in range(4)]
    cases = []
    for text in texts:
        ids = encode(tokenizer, text)
        cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
    chats = []
    for system in (None, "Count with care."):
        for turns in (1, 2, 3):
            messages = [{"role": "system", "content": system}] if system else []
            for turn in range(turns):
                messages.append({"role": "assistant" if turn % 2 else "user", "content": sentence(rng, 6)})
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=turns % 2 == 1)
            chats.append({"messages": messages, "add_generation_prompt": turns % 2 == 1, "text": text,
                          "ids": encode(tokenizer, text)})
    return {"encode": cases, "chat": chats}


# ---- models

def make_model(family, vocabulary, small, seed):
    common = dict(vocab_size=vocabulary, rms_norm_eps=1e-6, max_position_embeddings=512, initializer_range=0.09,
                  attn_implementation="eager", bos_token_id=None, eos_token_id=None, pad_token_id=None)
    layers = 1 if small else 2
    if family == "qwen2":
        config = Qwen2Config(hidden_size=24 if small else 36, intermediate_size=44,
                             num_hidden_layers=layers + 1, num_attention_heads=6,
                             num_key_value_heads=2, tie_word_embeddings=True,
                             rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **common)
        model = Qwen2ForCausalLM(config)
    elif family == "llama":
        rope = {"rope_type": "llama3", "rope_theta": 5000.0, "factor": 4.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 48}
        config = LlamaConfig(hidden_size=20 if small else 40, intermediate_size=52,
                             num_hidden_layers=layers, num_attention_heads=4,
                             num_key_value_heads=4 if small else 1, head_dim=10, attention_bias=True, mlp_bias=True,
                             tie_word_embeddings=False, rope_parameters=rope, **common)
        model = LlamaForCausalLM(config)
    else:
        rope = {"rope_type": "yarn", "rope_theta": 20000.0, "factor": 8.0, "original_max_position_embeddings": 64}
        config = Qwen3Config(hidden_size=26 if small else 34, intermediate_size=60,
                             num_hidden_layers=layers, num_attention_heads=4,
                             num_key_value_heads=2, head_dim=18, tie_word_embeddings=not small, rope_parameters=rope,
                             **common)
        model = Qwen3ForCausalLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            centre, spread = (1.0, 0.2) if "norm" in name else (0.0, 0.1)
            parameter.copy_(centre + spread * noise)
    return model.float().eval()


def distributions(model, ids, temperature):
    """[len - 1, V]: log-probs of every next id."""
    return torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0, :-1] / temperature, -1)


def log_probs(model, ids, temperature):
    """[len - 1]: log-prob of each next id."""
    return distributions(model, ids, temperature).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def trained(model):
    """The parameters that have gradients, under the names of their files (PEFT adds an adapter's name, "default")."""
    return {name.replace(".default", ""): p for name, p in model.named_parameters() if p.requires_grad}


def gradients(model):
    return {f"grad.{name}": p.grad.numpy().copy() for name, p in trained(model).items()}


def padded(rows, dtype):
    out = np.zeros((len(rows), max(map(len, rows))), dtype)
    for i, row in enumerate(rows):
        out[i, :len(row)] = row
    return out


def lengths(rows):
    return np.array([len(row) for row in rows], np.int32)


def forward_file(model, ids):
    with torch.no_grad():
        return {"ids": np.array(ids, np.int32), "logits": model(input_ids=torch.tensor([ids])).logits[0].numpy(),
                "logp07": log_probs(model, ids, TEMPERATURE).numpy()}


def sft_loss(model, rows, masks):
    picked = [log_probs(model, row, 1.0)[torch.tensor(mask[1:]) == 1] for row, mask in zip(rows, masks)]
    return -torch.cat(picked).mean()


def sft_files(model, rows, masks):
    model = copy.deepcopy(model)
    loss = sft_loss(model, rows, masks)
    loss.backward()
    sft = {"ids": padded(rows, np.int32), "mask": padded(masks, np.float32),
           "length": lengths(rows), "loss": np.array(loss.item(), np.float32), **gradients(model)}
    optimiser = torch.optim.AdamW(trained(model).values(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=1e-4)
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = sft_loss(model, rows, masks)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    final = {f"final.{name}": p.detach().numpy().copy() for name, p in trained(model).items()}
    return sft, {"loss": np.array(losses, np.float32), **final}


def grpo_file(model, prompt, completions, seed):
    model, reference = copy.deepcopy(model), copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    rewards = torch.randn(len(completions), generator=generator)
    advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
    rows = [prompt + completion for completion in completions]
    losses, kls, ref_rows = [], [], []
    for row, advantage in zip(rows, advantages):
        logp = log_probs(model, row, TEMPERATURE)[len(prompt) - 1:]
        with torch.no_grad():
            ref = log_probs(reference, row, TEMPERATURE)[len(prompt) - 1:]
        k3 = torch.exp(ref - logp) - (ref - logp) - 1
        ratio = torch.exp(logp - logp.detach())
        losses.append((-ratio * advantage + BETA * k3).mean())
        kls.append(k3.mean())
        ref_rows.append([0.0] * len(prompt) + ref.tolist())
    loss, kl = torch.stack(losses).mean(), torch.stack(kls).mean()
    loss.backward()
    return {"prompt_len": np.array([len(prompt)], np.int64), "ids": padded(rows, np.int32),
            "length": lengths(rows), "rewards": rewards.numpy(),
            "advantages": advantages.numpy(), "ref_logp": padded(ref_rows, np.float32),
            "loss": np.array(loss.item(), np.float32), "kl": np.array(kl.item(), np.float32), **gradients(model)}


# ---- the teacher's reward

OPTIONS = [
    dict(name="paper", normalise_logp="none", normalise_kl="none", clip_logp=1e5, clip_kl=1e5, kl_estimator="k1",
         reduce_logp=["mean", "min"], coef_logp=[1.0, 0.01], reduce_kl=["mean", "max"], coef_kl=[3.0, 0.03]),
    dict(name="exp", normalise_logp="exp", normalise_kl="exp_norm", clip_logp=None, clip_kl=None, kl_estimator="k1",
         reduce_logp=["mean", "max"], coef_logp=[1.0, 0.5], reduce_kl=["mean", "min"], coef_kl=[1.0, 0.1]),
    dict(name="k3-clipped", normalise_logp="none", normalise_kl="none", clip_logp=7.0, clip_kl=2.5, kl_estimator="k3",
         reduce_logp=["sum", "median", "first_quartile"], coef_logp=[0.1, 1.0, 0.5],
         reduce_kl=["last_quartile", "sum", "median"], coef_kl=[1.0, 0.05, 0.2]),
    dict(name="normalised-clipped", normalise_logp="exp_norm", normalise_kl="exp", clip_logp=40.0, clip_kl=1.5,
         kl_estimator="k1", reduce_logp=["mean", "last_quartile"], coef_logp=[0.1, 0.2], reduce_kl=["mean", "first_quartile"],
         coef_kl=[2.0, 1.0]),
    dict(name="no-entropy", normalise_logp="none", normalise_kl="none", clip_logp=1e5, clip_kl=1e5, kl_estimator="k1",
         teacher_entropy=False, reduce_logp=["mean"], coef_logp=[1.0], reduce_kl=["mean", "max"], coef_kl=[0.5, 0.05]),
    dict(name="no-entropy-k3", normalise_logp="none", normalise_kl="exp_norm", clip_logp=1e5, clip_kl=1e5, kl_estimator="k3",
         teacher_entropy=False, reduce_logp=["max"], coef_logp=[1.0], reduce_kl=["min", "sum"], coef_kl=[0.5, 0.05]),
    dict(name="exact", normalise_logp="none", normalise_kl="none", clip_logp=1e5, clip_kl=1e5, kl_estimator="exact",
         reduce_logp=["mean", "min"], coef_logp=[1.0, 0.01], reduce_kl=["mean", "max"], coef_kl=[3.0, 0.03]),
    dict(name="exact-clipped", normalise_logp="none", normalise_kl="exp_norm", clip_logp=5.0, clip_kl=0.8, kl_estimator="exact",
         reduce_logp=["median"], coef_logp=[1.0], reduce_kl=["sum", "first_quartile"], coef_kl=[0.1, 1.0]),
]
REDUCE = {"mean": torch.mean, "sum": torch.sum, "min": torch.min, "max": torch.max, "median": torch.median,
          "first_quartile": lambda x: torch.quantile(x, 0.25), "last_quartile": lambda x: torch.quantile(x, 0.75)}
NORMALISE = {"none": lambda x: x, "exp": torch.exp, "exp_norm": lambda x: 1 - torch.exp(-x)}


def whole_tokens(tokenizer, text, begin, end):
    """ids of `text`, and the range of those whose characters all lie in text[begin:end]."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    inside = [i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a >= begin and b <= end]
    assert inside == list(range(inside[0], inside[-1] + 1))
    return encoded["input_ids"], inside[0], inside[-1] + 1


def contexts(tokenizer, row):
    def chat(system):
        messages = [{"role": "system", "content": system}, {"role": "user", "content": row["question"]}]
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    (s_open, s_close), (e_open, e_close), (t_open, t_close) = TAGS.values()
    at = row["completion"].find(e_close)
    completion, _, n = whole_tokens(tokenizer, row["completion"], 0, at if at >= 0 else len(row["completion"]))
    explanation = completion[:n]
    prompt = encode(tokenizer, chat(row["teacher_system"]) + s_open + row["solution"] + s_close + PAD + e_open + PAD)
    before = encode(tokenizer, chat(row["student_system"]) + t_open + PAD)
    head = t_close + PAD + s_open
    after, first, last = whole_tokens(tokenizer, head + row["solution"] + s_close, len(head),
                                      len(head) + len(row["solution"]))
    offset = len(before) + len(explanation)
    return dict(explanation=explanation, closed=at >= 0, teacher=prompt + explanation, teacher_from=len(prompt),
                student=before + explanation + after, student_from=len(before),
                solution=(offset + first, offset + last))


def reward_parts(options, teacher_logp, student_logp, exact_kl, solution_logp, closed):
    kl = teacher_logp - student_logp if options.get("teacher_entropy", True) else -student_logp
    if options["kl_estimator"] == "k3":
        kl = kl - 1 + torch.exp(-kl)
    elif options["kl_estimator"] == "exact":
        kl = exact_kl
    logp = NORMALISE[options["normalise_logp"]](solution_logp)
    kl = NORMALISE[options["normalise_kl"]](kl)
    if options["clip_logp"] is not None:
        logp = logp.clamp(min=-options["clip_logp"])
    if options["clip_kl"] is not None:
        kl = kl.clamp(max=options["clip_kl"])
    logp_parts = [REDUCE[name](logp).item() for name in options["reduce_logp"]]
    kl_parts = [REDUCE[name](kl).item() for name in options["reduce_kl"]]
    r_ss = sum(a * b for a, b in zip(options["coef_logp"], logp_parts))
    r_kl = sum(a * b for a, b in zip(options["coef_kl"], kl_parts))
    match = 0.0 if closed else -1.0
    return dict(logp_parts=logp_parts, kl_parts=kl_parts, r_ss=r_ss, r_kl=r_kl, match=match, reward=r_ss - r_kl + match)


def reward_file(teacher, student, tokenizer, rng):
    close = TAGS["explanation"][1]
    rows = []
    cases = ((f"It is {rng.randint(3, 99)}.", 20, PAD + close), (f"{PAD}Answer: 12{PAD}", 9, "\n" + close),
             ("41 fish", 15, close + " and more"), (f"{PAD}None are left.{PAD}", 25, ""))
    for solution, n_words, end in cases:
        row = dict(teacher_system="Explain a given solution.", student_system="Think first, then answer.",
                   question=sentence(rng, 10)[:-1] + "?", solution=solution, completion=sentence(rng, n_words) + end)
        c = contexts(tokenizer, row)
        n = len(c["explanation"])
        with torch.no_grad():
            on_teacher = log_probs(teacher, c["teacher"], TEMPERATURE)
            on_student = log_probs(student, c["student"], TEMPERATURE)
            of_teacher = distributions(teacher, c["teacher"], TEMPERATURE)[c["teacher_from"] - 1:][:n]
            of_student = distributions(student, c["student"], TEMPERATURE)[c["student_from"] - 1:][:n]
            exact_kl = (of_teacher.exp() * (of_teacher - of_student)).sum(-1)
        teacher_logp = on_teacher[c["teacher_from"] - 1:][:n]
        student_logp = on_student[c["student_from"] - 1:][:n]
        solution_logp = on_student[c["solution"][0] - 1:c["solution"][1] - 1]
        row["expected"] = [dict(options=o["name"], explanation_ids=c["explanation"], teacher_ids=c["teacher"],
                                student_ids=c["student"], teacher_logp=teacher_logp.tolist(),
                                student_logp=student_logp.tolist(), solution_logp=solution_logp.tolist(),
                                exact_kl=exact_kl.tolist(),
                                **reward_parts(o, teacher_logp, student_logp, exact_kl, solution_logp, c["closed"]))
                           for o in OPTIONS]
        rows.append(row)
    return {"temperature": TEMPERATURE, "options": OPTIONS, "rows": rows}


# ---- a folder

def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def write_checkpoint(folder, model, tokenizer):
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def write_folder(folder, family, seed):
    rng = random.Random(seed)
    tokenizer = train_tokenizer(family, rng, {"qwen2": 311, "llama": 323, "qwen3": 333}[family])
    vocabulary = len(tokenizer) + {"qwen2": 5, "llama": 0, "qwen3": 2}[family]  # rows beyond the ids, as in Qwen's
    teacher, student = (make_model(family, vocabulary, small, seed + small) for small in (False, True))
    write_checkpoint(folder, teacher, tokenizer)
    write_checkpoint(folder / "student", student, tokenizer)
    write_json(folder / "tokenizer.cases.json", tokenizer_cases(tokenizer, rng))

    def ids(n):
        return [rng.randrange(vocabulary) for _ in range(n)]
    save_file(forward_file(teacher, ids(67)), folder / "forward.safetensors")
    rows = [ids(n) for n in (29, 11, 37)]
    masks = [[int(t >= start and t % 5 != 0) for t in range(len(row))] for row, start in zip(rows, (3, 1, 20))]
    sft, steps = sft_files(teacher, rows, masks)
    save_file(sft, folder / "sft.safetensors")
    save_file(steps, folder / "sft_steps.safetensors")
    grpo = grpo_file(teacher, ids(13), [ids(n) for n in (9, 24, 1, 17, 24)], seed)
    save_file(grpo, folder / "grpo.safetensors")
    write_json(folder / "reward.json", reward_file(teacher, student, tokenizer, rng))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1917)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    for number, family in enumerate(("qwen2", "llama", "qwen3")):
        write_folder(arguments.out / family, family, arguments.seed + 10 * number)


if __name__ == "__main__":
    main()
