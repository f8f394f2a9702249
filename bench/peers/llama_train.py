"""llama.cpp's training, as its program llama-finetune calls it, for the sft job of llama_jobs.py.

llama-cpp-python opens llama_opt_init and llama_opt_epoch but not the part of ggml below them, which is opened here:
datasets, results and the settings of the optimiser. Struct layouts are those of ggml-opt.h and llama.h.

What the program does is done: weights are read into memory, since a mapped file cannot be written to; K and V are F32,
and flash attention goes off by itself, since in F16 and with it there is no backward; AdamW has the program's rate of
1e-5 and no weight decay. Embeddings, and a head that is tied to them, are left as they are by llama.cpp.
"""
import ctypes
import pathlib

import llama_cpp as llama
import numpy as np

RATE = 1e-5
ggml, libllama = (ctypes.CDLL(str(pathlib.Path(llama.__file__).parent / "lib" / f"{name}.so"))
                  for name in ("libggml-base", "libllama"))


class OptimizerParams(ctypes.Structure): # ggml_opt_optimizer_params
    _fields_ = [(name, ctypes.c_float) for name in ("alpha", "beta1", "beta2", "eps", "wd", "sgd_alpha", "sgd_wd")]


class OptParams(ctypes.Structure): # llama_opt_params, with the last field, which the bindings of 0.3.36 lack
    _fields_ = [("n_ctx_train", ctypes.c_uint32), ("param_filter", llama.llama_opt_param_filter),
                ("param_filter_ud", ctypes.c_void_p), ("get_opt_pars", ctypes.c_void_p),
                ("get_opt_pars_ud", ctypes.c_void_p), ("optimizer_type", ctypes.c_int)]


def declare(name, result, *arguments, library=ggml):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


handle, int64 = ctypes.c_void_p, ctypes.c_int64
default_params = declare("ggml_opt_get_default_optimizer_params", OptimizerParams, handle)
dataset_init = declare("ggml_opt_dataset_init", handle, ctypes.c_int, ctypes.c_int, int64, int64, int64, int64)
dataset_data = declare("ggml_opt_dataset_data", handle, handle)
dataset_labels = declare("ggml_opt_dataset_labels", handle, handle)
tensor_data = declare("ggml_get_data", handle, handle)
result_init = declare("ggml_opt_result_init", handle)
result_free = declare("ggml_opt_result_free", None, handle)
result_loss = declare("ggml_opt_result_loss", None, handle, ctypes.POINTER(ctypes.c_double), handle)
opt_init = declare("llama_opt_init", None, handle, handle, OptParams, library=libllama)
ADAMW = 0 # GGML_OPT_OPTIMIZER_TYPE_ADAMW


def fill(tensor, rows):
    pointer = ctypes.cast(tensor_data(tensor), ctypes.POINTER(ctypes.c_int32))
    np.ctypeslib.as_array(pointer, (len(rows), len(rows[0])))[:] = rows


class Trainer:
    def __init__(self, model, context, rows):
        """model and context: of llama.cpp; rows: of as many ids as the context holds. There is a label for every id:
        after a row's last id comes its first."""
        self.context, self.n = context, len(rows)
        self.params = default_params(None)
        self.params.alpha, self.params.wd = RATE, 0
        self.filter = llama.llama_opt_param_filter(lambda tensor, data: True)
        constant = ctypes.cast(ggml.ggml_opt_get_constant_optimizer_params, handle)
        opt_init(context, model, OptParams(0, self.filter, None, constant, ctypes.addressof(self.params), ADAMW))
        length = len(rows[0])
        self.dataset = dataset_init(llama.GGML_TYPE_I32, llama.GGML_TYPE_I32, length, length, self.n, 1)
        fill(dataset_data(self.dataset), rows)
        fill(dataset_labels(self.dataset), [ids[1:] + ids[:1] for ids in rows])

    def epoch(self, train):
        """All rows once, in order; with train each is followed by a step. Returns the mean loss."""
        result, loss = result_init(), ctypes.c_double()
        of_train, of_eval = (result, None) if train else (None, result)
        llama.llama_opt_epoch(self.context, self.dataset, of_train, of_eval, self.n if train else 0, None, None)
        result_loss(result, ctypes.byref(loss), None)
        result_free(result)
        return loss.value
