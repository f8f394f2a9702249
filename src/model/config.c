#include "model/config.h"

#include <math.h>
#include <stddef.h>

#define SIZE_LIMIT (1 << 24)
#define LAYER_LIMIT 512

static const char *const family_names[N_MODEL_FAMILIES] = {"llama", "qwen2", "qwen3"};

const char *model_family_name(ModelFamily family)
{
    return family_names[family];
}

bool model_family_by_name(Str name, ModelFamily *family)
{
    for (int i = 0; i < N_MODEL_FAMILIES; i++) {
        if (!str_equal(name, str_of(family_names[i]))) continue;
        *family = (ModelFamily)i;
        return true;
    }
    return false;
}

static bool check_sizes(const ModelConfig *config, const char *source, Error *error)
{
    const struct {
        const char *name;
        int32_t value, limit;
    } sizes[] = {
        {"vocabulary", config->vocabulary, SIZE_LIMIT},
        {"hidden size", config->hidden, SIZE_LIMIT},
        {"number of layers", config->n_layers, LAYER_LIMIT},
        {"number of attention heads", config->n_heads, SIZE_LIMIT},
        {"number of key/value heads", config->n_kv_heads, SIZE_LIMIT},
        {"head size", config->head_dim, SIZE_LIMIT},
        {"feed-forward size", config->ffn, SIZE_LIMIT},
        {"maximum of positions", config->max_positions, SIZE_LIMIT},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].limit) {
            return error_set(error, "%s: %s is %d, expected 1 to %d", source, sizes[i].name, sizes[i].value,
                             sizes[i].limit);
        }
    }
    if (config->head_dim % 2 != 0)
        return error_set(error, "%s: head size is %d, expected an even number", source, config->head_dim);
    if (config->n_heads % config->n_kv_heads != 0) {
        return error_set(error, "%s: %d attention heads, expected a multiple of the %d key/value heads", source,
                         config->n_heads, config->n_kv_heads);
    }
    if ((int64_t)config->n_heads * config->head_dim > SIZE_LIMIT) {
        return error_set(error, "%s: %d heads of size %d, expected at most %d together", source, config->n_heads,
                         config->head_dim, SIZE_LIMIT);
    }
    return true;
}

static bool is_positive(double x)
{
    return isfinite(x) && x > 0;
}

static bool check_rope(const RopeConfig *rope, const char *source, Error *error)
{
    if (!isfinite(rope->theta) || rope->theta <= 1)
        return error_set(error, "%s: rope_theta is %g, expected a number above 1", source, rope->theta);
    if (rope->kind == ROPE_DEFAULT)
        return true;
    if (!is_positive(rope->factor))
        return error_set(error, "%s: RoPE's factor is %g, expected a positive number", source, rope->factor);
    if (rope->kind == ROPE_LINEAR)
        return true;
    if (!is_positive(rope->original_max_positions)) {
        return error_set(error, "%s: RoPE's original_max_position_embeddings is %g, expected a positive number", source,
                         rope->original_max_positions);
    }
    if (rope->kind == ROPE_LLAMA3) {
        if (!is_positive(rope->low_freq_factor) || !isfinite(rope->high_freq_factor) ||
            rope->high_freq_factor <= rope->low_freq_factor) {
            return error_set(error, "%s: RoPE's low_freq_factor %g and high_freq_factor %g, expected 0 < low < high",
                             source, rope->low_freq_factor, rope->high_freq_factor);
        }
        return true;
    }
    if (!is_positive(rope->beta_slow) || !isfinite(rope->beta_fast) || rope->beta_fast <= rope->beta_slow) {
        return error_set(error, "%s: RoPE's beta_slow %g and beta_fast %g, expected 0 < beta_slow < beta_fast", source,
                         rope->beta_slow, rope->beta_fast);
    }
    if (!isfinite(rope->attention_factor) || rope->attention_factor < 0) {
        return error_set(error, "%s: RoPE's attention_factor is %g, expected a positive number (or 0: by the formula)",
                         source, rope->attention_factor);
    }
    return true;
}

bool model_config_check(const ModelConfig *config, const char *source, Error *error)
{
    if (!check_sizes(config, source, error) || !check_rope(&config->rope, source, error))
        return false;
    if (!isfinite(config->norm_eps) || config->norm_eps < 0) {
        return error_set(error, "%s: rms_norm_eps is %g, expected a small number, not negative", source,
                         (double)config->norm_eps);
    }
    if (config->bos_id < -1 || config->bos_id >= config->vocabulary || config->eos_id < -1 ||
        config->eos_id >= config->vocabulary) {
        return error_set(error, "%s: bos id %d and eos id %d, expected ids below the vocabulary size %d", source,
                         config->bos_id, config->eos_id, config->vocabulary);
    }
    // Published configurations name a padding id beyond the vocabulary; it is never used, so it is only kept.
    if (config->pad_id < -1)
        return error_set(error, "%s: pad id is %d, expected an id or none", source, config->pad_id);
    return true;
}
