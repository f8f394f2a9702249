"""Writes torch_golden.h: what PyTorch computes, in double, for the problems of test_torch.c.

python3 tests/compute/torch_golden.py > tests/compute/torch_golden.h

Inputs are multiples of 1/64 given by a formula (exact in F32), so that the file holds results only.
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def fill(stream, *shape):
    n = 1
    for s in shape:
        n *= s
    values = [((i * 7919 + stream * 4099) % 257 - 128) / 64 for i in range(n)]
    return torch.tensor(values).reshape(shape).requires_grad_()


def show(name, tensor):
    values = tensor.detach().reshape(-1).tolist()
    print(f"static const double {name}[{len(values)}] = {{")
    for i in range(0, len(values), 4):
        print("    " + " ".join(f"{v:.17g}," for v in values[i:i + 4]))
    print("};")


def f32(x):
    return torch.tensor(x, dtype=torch.float32).double().item()


print(f"// Written by torch_golden.py with PyTorch {torch.__version__.split('+')[0]}. Not to be edited.")

# linear: T 5, K 6, N 7
x, w, b, r, dy = fill(1, 5, 6), fill(2, 7, 6), fill(3, 7), fill(4, 5, 7), fill(5, 5, 7)
y = F.linear(x, w, b) + r
y.backward(dy)
for name, t in dict(y=y, dx=x.grad, dw=w.grad, dbias=b.grad).items():
    show("linear_" + name, t)

# rmsnorm: T 4, C 8, eps 0.125
x, w, dy = fill(6, 4, 8), fill(7, 8), fill(8, 4, 8)
y = F.rms_norm(x, (8,), w, 0.125)
y.backward(dy)
for name, t in dict(y=y, dx=x.grad, dweight=w.grad).items():
    show("rmsnorm_" + name, t)

# swiglu: 24
g, u, dy = fill(9, 24), fill(10, 24), fill(11, 24)
y = F.silu(g) * u
y.backward(dy)
for name, t in dict(y=y, dgate=g.grad, dup=u.grad).items():
    show("swiglu_" + name, t)

# attention: 4 query heads, 2 K/V heads, D 4, scale 0.5; a prompt of 3 with completions of 2 and 4 (rows 0-2, 3-4, 5-8)
mask = torch.zeros(9, 9, dtype=torch.bool)
parents = [-1, 0, 1, 2, 3, 2, 5, 6, 7]
for i in range(9):
    j = i
    while j >= 0:
        mask[i, j] = True
        j = parents[j]
q, k, v, dy = fill(12, 9, 4, 4), fill(13, 9, 2, 4), fill(14, 9, 2, 4), fill(15, 9, 4, 4)
y = F.scaled_dot_product_attention(q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), attn_mask=mask, scale=0.5,
                                   enable_gqa=True).transpose(0, 1)
y.backward(dy)
scores = 0.5 * torch.einsum("ihd,jhd->ihj", q, k.repeat_interleave(2, 1))
lse = torch.logsumexp(scores.masked_fill(~mask[:, None, :], float("-inf")), -1)
for name, t in dict(y=y, lse=lse, dq=q.grad, dk=k.grad, dv=v.grad).items():
    show("attention_" + name, t)

# head: P 4, C 6, V 11, temperature 0.75
x, w, dlogp = fill(16, 4, 6), fill(17, 11, 6), fill(18, 4)
logits = x @ w.T
all_logp = F.log_softmax(logits / 0.75, -1)
logp = all_logp.gather(1, torch.tensor([[3], [10], [0], [3]]))[:, 0]
logp.backward(dlogp.detach())
entropy = torch.distributions.Categorical(logits=logits / 0.75).entropy()
for name, t in dict(logits=logits, logp=logp, entropy=entropy, dx=x.grad, dw=w.grad).items():
    show("head_" + name, t)

# embedding: V 5, C 3, ids 2 0 2 4
w, dy = fill(19, 5, 3), fill(20, 4, 3)
y = F.embedding(torch.tensor([2, 0, 2, 4]), w)
y.backward(dy)
show("embed_y", y)
show("embed_dw", w.grad)

# AdamW: 12 parameters, 3 steps, decay 0.1, gradients scaled by 0.5 as clipping does
p = fill(21, 12)
optimizer = torch.optim.AdamW([p], lr=f32(0.01), betas=(f32(0.9), f32(0.95)), eps=f32(1e-8), weight_decay=f32(0.1))
for step in range(3):
    p.grad = 0.5 * fill(22 + step, 12).detach()
    optimizer.step()
show("adamw_param", p)
state = optimizer.state[p]
show("adamw_m", state["exp_avg"])
show("adamw_v", state["exp_avg_sq"])
