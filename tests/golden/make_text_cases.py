#!/usr/bin/env python3
"""Writes the golden cases of tests/text: what Hugging Face's tokenizers and Jinja make of nasty texts and messages.

    python3 make_text_cases.py OUT [--templates FILE] [--seed N]

    OUT/<rule>.tokenizer.json   a tiny tokenizer of each split rule, trained by the tokenizers library, with what real
                                files of that kind have: specials inside or after the vocabulary, NFC, whole words
                                without merges, bytes that are missing
    OUT/tokenizer_cases.json    {rule: [{text, ids, text_back, text_plain}]}: ids, and decoded with and without specials
    OUT/chat_cases.json         {family: [{messages, generation_prompt, text}]}, only with --templates: a JSON object
                                {smollm2|qwen2.5|qwen3: {"template": Jinja}} of the models' own templates
"""
import argparse
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
RULES = ["gpt2", "smollm", "qwen2", "llama3"]
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CORPUS = ["They're sure we'll see what's left: 1234 apples, 56 pears and 789012 plums.",
          "  Indented   text\twith tabs\n\n\nand blank lines \r\n", "f(x) = {x^2 + \\frac{1}{2}} != y; // done!!",
          "naïve café, déjà vu, Größe, ΑΒΓαβγ, привет мир", "日本語の文章です。数学、数学", "안녕하세요 세계", "שלום עולם مرحبا",
          "🙂🙂 👩\u200d🚀 ok", "the theme of the thesis, there and then", "x" * 40, "... --- ''' \"\"\" ###"]
# What trips split rules, normalisation and specials.
FIXED = ["", " ", "  ", "\n", "\r\n \r\n", "a", "Hello world", " leading", "trailing ",
         "tabs\t\tand \n new\nlines  \n  x",
         "It's I'LL they'Re we'd 'tis ''s 's", "1 12 123 1234 12345 1,234.5 ½ ² ٣٤",
         "e\u0301te\u0301 \u1100\u1161\u11a8 \u212b",
         "> \u0338 <|im_end|>\u0338x", "'\u017f \u017f's K\u212a",
         "\u00a0\u2003x\u3000\u2028y\u0085z\u180e  \u180e",
         "<|im_start|>user\nhi<|im_end|>\n", "<|im_start <|im_start|<|im_start|>|>", "<|endoftext|><|endoftext|>",
         "\x00\x01 \x04\x06 \x1f\x7f", "\U0001f642\U0001f469\u200d\U0001f680\ufe0f",
         "\U000f0000 \U0010ffff \uffff \ue000",
         "x" * 71, "<<tool>> <<TOOL>> a<<tool>>\n\n\nb",
         "zebra zebras", "{%$#@}!?\n\n...\r\n", "ガスカ\u3099ス"]
POOLS = [" \t\n\r", "abcSTREVML'", "0123456789²½٣", "éüñßſK", "\u0301\u0300\u0338\u0323", "日本ー가\u1100\u1161",
         "🙂👩\u200d🚀\ufe0f",
         "\u00a0\u2003\u3000\u180e\u200b\ufeff\u0085\u2028", "!@#$%^&*()-+=<>|[]{}\\/;:.,", "\x00\x01\x7f\x1c", "אבاب"]
WHOLE = SPECIALS + ["<<tool>>", "'ll", "'S", "'RE", "zebra", "the"]


def nasty(rng):
    parts = []
    for _ in range(rng.randint(1, 8)):
        pool = rng.choice(POOLS)
        mixed = "".join(rng.choice(pool) for _ in range(rng.randint(1, 4)))
        parts.append(rng.choice(WHOLE) if rng.random() < 0.15 else mixed)
    return "".join(parts)


def pre_tokenizer(rule):
    bytes_alone = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if rule == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    if rule == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2 if rule == "qwen2" else LLAMA3), "isolated"),
                                    bytes_alone])


def make_tokenizer(rule):
    tokenizer = Tokenizer(models.BPE(ignore_merges=rule == "llama3"))
    tokenizer.pre_tokenizer = pre_tokenizer(rule)
    tokenizer.decoder = decoders.ByteLevel()
    if rule == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if rule == "smollm":  # bytes 0x04, 0x06, 0xf1 ... are missing, as in the real one
        alphabet = [c for c in alphabet if c not in "ĄĆñòõö÷øùúûüýþÿÀÁ"]
    inside = SPECIALS if rule in ("gpt2", "smollm") else []
    trainer = trainers.BpeTrainer(vocab_size=len(alphabet) + 140, initial_alphabet=alphabet, special_tokens=inside,
                                  show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    if rule == "llama3":  # a word that no merge makes
        data = json.loads(tokenizer.to_str())
        data["model"]["vocab"]["zebra"] = len(data["model"]["vocab"])
        tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_special_tokens([AddedToken(s, normalized=rule == "gpt2", special=True) for s in SPECIALS])
    tokenizer.add_tokens([AddedToken("<<tool>>", normalized=False), AddedToken("\n\n\n", normalized=False)])
    if rule == "qwen2":  # matched in the normal form, after the others
        tokenizer.add_tokens([AddedToken("ガス", normalized=True), AddedToken("<|im", normalized=True)])
    return tokenizer


def tokenizer_cases(tokenizer, rng):
    cases = []
    for text in FIXED + [nasty(rng) for _ in range(60)]:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        cases.append({"text": text, "ids": ids, "text_back": tokenizer.decode(ids, skip_special_tokens=False),
                      "text_plain": tokenizer.decode(ids, skip_special_tokens=True)})
    return cases


BITS = ["<think>", "</think>", "\n", "\n\n", "a", "  ", "x y", "<tool_response>", "</tool_response>", "\u3000", "é",
        "'q\"\\"]


def random_messages(rng):
    def content():
        text = "".join(rng.choice(BITS) for _ in range(rng.randint(0, 7)))
        return "<tool_response>" + text + "</tool_response>" if rng.random() < 0.3 else text
    messages = [{"role": "system", "content": content()}] if rng.random() < 0.4 else []
    for _ in range(rng.randint(1, 5)):
        role = rng.choice(["user", "assistant", "user", "assistant", "system"])
        messages.append({"role": role, "content": content()})
    return messages


def chat_cases(template, rng):
    from transformers.utils.chat_template_utils import _compile_jinja_template
    compiled = _compile_jinja_template(template)
    cases = []
    for _ in range(40):
        messages, prompt = random_messages(rng), rng.random() < 0.5
        cases.append({"messages": messages, "generation_prompt": prompt,
                      "text": compiled.render(messages=messages, add_generation_prompt=prompt)})
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--templates", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cases = {}
    for rule in RULES:
        tokenizer = make_tokenizer(rule)
        tokenizer.save(str(args.out / f"{rule}.tokenizer.json"), pretty=False)
        cases[rule] = tokenizer_cases(tokenizer, random.Random(args.seed))
    (args.out / "tokenizer_cases.json").write_text(json.dumps(cases, indent=0) + "\n")
    if args.templates:
        templates = json.loads(args.templates.read_text())
        chats = {family: chat_cases(templates[family]["template"], random.Random(args.seed))
                 for family in ("smollm2", "qwen2.5", "qwen3")}
        (args.out / "chat_cases.json").write_text(json.dumps(chats, indent=0) + "\n")


if __name__ == "__main__":
    main()
