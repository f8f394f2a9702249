// The checker of golden values: compares the program's parts with files computed by PyTorch and Transformers.
//
// A folder of golden values is a Hugging Face checkpoint with tokenizer.cases.json, forward.safetensors,
// sft.safetensors, sft_steps.safetensors, grpo.safetensors and reward.json beside it, and a second checkpoint in
// student/. tests/golden/make_golden.py writes such a folder and says what each file holds. Sizes, vocabulary and ids
// are read from the files; a missing file is a failure. Where the folder holds adapter/, that is a LoRA adapter over the
// checkpoint as PEFT saves it, with forward, sft and sft_steps of the adapted model (make_adapters.py).
//
// A check returns false with an error where it could not be carried out; a difference is reported through
// oracle_report.
#ifndef RLT_TESTS_ORACLE_H
#define RLT_TESTS_ORACLE_H

#include "base/json.h"
#include "formats/model_io.h"
#include "formats/safetensors.h"
#include "model/model.h"

typedef struct Oracle {
    const char *dir;
    const char *base;         // of the adapter that is checked: the folder below it; NULL: no adapter
    const char *backend_name; // of the lines printed; "text" where no backend is used
    Backend *backend;
    int n_checks, n_failed;
} Oracle;

// Agreement asked for: absolute for values, in parts of the tensor's norm for gradients and parameters.
#define TOLERANCE_FORWARD 1e-4
#define TOLERANCE_LOSS 1e-5
#define TOLERANCE_GRADIENT 1e-4
#define TOLERANCE_STEP_LOSS 1e-4
#define TOLERANCE_STEP_PARAM 1e-4
#define TOLERANCE_REWARD 1e-3

// Prints one line and counts it. `difference` fails when it is above the tolerance or not a number.
void oracle_report(Oracle *oracle, const char *file, const char *what, double difference, double tolerance);
// The same for things that agree or don't; `detail` says where they don't.
void oracle_report_exact(Oracle *oracle, const char *file, const char *what, bool equal, const char *detail);

MUST_CHECK bool check_tokenizer(Oracle *oracle, Error *error);
MUST_CHECK bool check_forward(Oracle *oracle, Error *error);
MUST_CHECK bool check_sft(Oracle *oracle, Error *error);
MUST_CHECK bool check_sft_steps(Oracle *oracle, Error *error);
MUST_CHECK bool check_grpo(Oracle *oracle, Error *error);
MUST_CHECK bool check_reward(Oracle *oracle, Error *error);

// ---- golden.c: reading
// The checkpoint in the folder, or in its subfolder `sub` (NULL: none), with F32 weights.
MUST_CHECK bool oracle_load_model(const Oracle *oracle, const char *sub, Model **model, Error *error);
MUST_CHECK bool oracle_read_json(const Oracle *oracle, const char *name, json_t **out, Error *error);

typedef struct Golden {
    char *path;
    Safetensors *st;
} Golden;
MUST_CHECK bool golden_open(const Oracle *oracle, const char *name, Golden *golden, Error *error);
void golden_close(Golden *golden);
// A tensor of any numeric type as floats or as int32; shape [rows, cols] (a vector: [1, n]; a scalar: [1, 1]).
typedef struct GoldenF32 {
    float *at; // to be freed with mem_free
    int32_t rows, cols;
} GoldenF32;
typedef struct GoldenI32 {
    int32_t *at; // to be freed with mem_free
    int32_t rows, cols;
} GoldenI32;
MUST_CHECK bool golden_f32(const Golden *golden, const char *name, GoldenF32 *out, Error *error);
MUST_CHECK bool golden_i32(const Golden *golden, const char *name, GoldenI32 *out, Error *error);
MUST_CHECK bool golden_scalar(const Golden *golden, const char *name, double *out, Error *error);
// Fails unless the shape is [rows, cols].
MUST_CHECK bool golden_shape(const Golden *golden, const char *name, int32_t rows, int32_t cols, int32_t want_rows,
                             int32_t want_cols, Error *error);
// Fails unless 0 <= ids < vocabulary.
MUST_CHECK bool golden_check_ids(const Golden *golden, const int32_t *ids, int32_t n, const Model *model, Error *error);

// Every parameter of an arena (gradients, or the model itself) against the tensor "<prefix><name>".
typedef struct ArenaDifference {
    double worst;           // of the parameters, each in parts of its own norm
    const char *worst_name; // of that parameter; the model's
    double together;        // all parameters as one vector, in parts of its norm
} ArenaDifference;
// allowance [all elements, parameter by parameter, row-major]: of an element's difference only what exceeds it counts
// in `worst`; NULL: 0.
MUST_CHECK bool golden_compare_arena(const Golden *golden, const char *prefix, const Model *model, Dev arena,
                                     const float *allowance, ArenaDifference *out, Error *error);
// Reports the worst of grad.*; `how` (" ..." or "") ends the line's description.
MUST_CHECK bool golden_check_gradients(Oracle *oracle, const Golden *golden, const char *file, const char *how,
                                       const Model *model, Dev grads, Error *error);

double max_abs_difference(const float *a, const float *b, size_t count); // NaN if any is

#endif
