// forward.safetensors: ids [T], logits [T, V], logp07 [T-1] (log-softmax(logits / 0.7) at the next id).
#include "base/mem.h"
#include "oracle.h"

#define TEMPERATURE 0.7f

typedef struct ForwardGolden {
    GoldenI32 ids;
    GoldenF32 logits, logp;
} ForwardGolden;

static bool read_golden(const Golden *golden, const Model *model, ForwardGolden *out, Error *error)
{
    *out = (ForwardGolden){0};
    if (!golden_i32(golden, "ids", &out->ids, error) || !golden_f32(golden, "logits", &out->logits, error) ||
        !golden_f32(golden, "logp07", &out->logp, error))
        return false;
    int32_t n = out->ids.cols, vocabulary = model_config(model)->vocabulary;
    return golden_shape(golden, "ids", out->ids.rows, out->ids.cols, 1, n, error) &&
           golden_shape(golden, "logits", out->logits.rows, out->logits.cols, n, vocabulary, error) &&
           golden_shape(golden, "logp07", out->logp.rows, out->logp.cols, 1, n - 1, error) &&
           golden_check_ids(golden, out->ids.at, n, model, error);
}

static void compare(Oracle *oracle, Model *model, const ForwardGolden *golden)
{
    int32_t n = golden->ids.cols, vocabulary = model_config(model)->vocabulary;
    size_t n_logits = (size_t)n * (size_t)vocabulary;
    Pass *pass = pass_create(model, (PassSettings){0});
    Batch batch;
    batch_init(&batch);
    batch_add_segment(&batch, -1, golden->ids.at, n);
    batch_predict(&batch, 0, 1, n);
    int32_t *rows = mem_alloc((size_t)n, sizeof *rows);
    for (int32_t i = 0; i < n; i++)
        rows[i] = i;
    float *logits = mem_alloc(n_logits, sizeof *logits), *logp = mem_alloc((size_t)n, sizeof *logp);

    model_logits(model, pass, &batch, rows, n, logits);
    oracle_report(oracle, "forward", "logits", max_abs_difference(logits, golden->logits.at, n_logits),
                  TOLERANCE_FORWARD);
    model_logprobs(model, pass, &batch, TEMPERATURE, logp, NULL);
    oracle_report(oracle, "forward", "logp07", max_abs_difference(logp, golden->logp.at, (size_t)n - 1),
                  TOLERANCE_FORWARD);

    mem_free(logits);
    mem_free(logp);
    mem_free(rows);
    batch_free(&batch);
    pass_destroy(pass);
}

bool check_forward(Oracle *oracle, Error *error)
{
    Model *model = NULL;
    Golden golden = {0};
    ForwardGolden values = {0};
    bool ok = oracle_load_model(oracle, NULL, &model, error) &&
              golden_open(oracle, "forward.safetensors", &golden, error) &&
              read_golden(&golden, model, &values, error);
    if (ok)
        compare(oracle, model, &values);
    mem_free(values.ids.at);
    mem_free(values.logits.at);
    mem_free(values.logp.at);
    golden_close(&golden);
    model_destroy(model);
    return ok;
}
