#include "formats/hf_config.h"

#include <string.h>

#define SIZE_MAX_VALUE (1 << 24)

static bool read_family(json_t *json, const char *path, ModelConfig *config, Error *error) {
    Str type;
    if (!json_need_string(json, path, "model_type", &type, error)) return false;
    return model_family_by_name(type, &config->family) ||
           error_set(error, "%s: model_type \"%.64s\": expected llama, qwen2 or qwen3", path, type.ptr);
}

static bool read_size(json_t *json, const char *path, const char *key, int32_t *out, Error *error) {
    int64_t value;
    if (!json_need_int(json, path, key, 1, SIZE_MAX_VALUE, &value, error)) return false;
    *out = (int32_t)value;
    return true;
}

static bool read_sizes(json_t *json, const char *path, ModelConfig *c, Error *error) {
    if (!read_size(json, path, "vocab_size", &c->vocabulary, error) || !read_size(json, path, "hidden_size", &c->hidden, error) ||
        !read_size(json, path, "num_hidden_layers", &c->n_layers, error) ||
        !read_size(json, path, "num_attention_heads", &c->n_heads, error) ||
        !read_size(json, path, "intermediate_size", &c->ffn, error)) {
        return false;
    }
    int64_t kv_heads, head_dim, positions;
    int64_t default_dim = c->family == MODEL_QWEN3 ? 128 : c->hidden / c->n_heads;
    double eps;
    if (!json_int_or(json, path, "num_key_value_heads", 1, SIZE_MAX_VALUE, c->n_heads, &kv_heads, error) ||
        !json_int_or(json, path, "head_dim", 1, SIZE_MAX_VALUE, default_dim, &head_dim, error) ||
        !json_int_or(json, path, "max_position_embeddings", 1, 1 << 30, 2048, &positions, error) ||
        !json_number_or(json, path, "rms_norm_eps", 1e-6, &eps, error)) {
        return false;
    }
    c->n_kv_heads = (int32_t)kv_heads;
    c->head_dim = (int32_t)head_dim;
    c->max_positions = positions > SIZE_MAX_VALUE ? SIZE_MAX_VALUE : (int32_t)positions;
    c->norm_eps = (float)eps;
    return true;
}

static bool read_switches(json_t *json, const char *path, ModelConfig *c, Error *error) {
    Str activation;
    bool sliding, attention_bias;
    if (!json_string_or(json, path, "hidden_act", STR("silu"), &activation, error) ||
        !json_bool_or(json, path, "tie_word_embeddings", false, &c->tied, error) ||
        !json_bool_or(json, path, "use_sliding_window", false, &sliding, error) ||
        !json_bool_or(json, path, "attention_bias", false, &attention_bias, error) ||
        !json_bool_or(json, path, "mlp_bias", false, &c->mlp_bias, error)) {
        return false;
    }
    if (!str_equal(activation, STR("silu"))) {
        return error_set(error, "%s: hidden_act \"%.32s\": expected silu", path, activation.ptr);
    }
    if (sliding) return error_set(error, "%s: use_sliding_window is true: sliding windows are not computed", path);
    c->qkv_bias = c->family == MODEL_QWEN2 || attention_bias;
    c->o_bias = c->family != MODEL_QWEN2 && attention_bias;
    c->qk_norm = c->family == MODEL_QWEN3;
    return true;
}

static bool read_rope_kind(json_t *rope, const char *path, RopeConfig *r, Error *error) {
    Str kind;
    if (!json_string_or(rope, path, "rope_type", STR(""), &kind, error)) return false;
    if (kind.len == 0 && !json_string_or(rope, path, "type", STR("default"), &kind, error)) return false; // older files
    static const char *const names[] = {"default", "linear", "llama3", "yarn"};
    for (int i = 0; i < 4; i++) {
        if (str_equal(kind, str_of(names[i]))) {
            r->kind = (RopeKind)i;
            return true;
        }
    }
    return error_set(error, "%s: rope type \"%.32s\": expected default, linear, llama3 or yarn", path, kind.ptr);
}

static bool read_rope(json_t *json, const char *path, ModelConfig *c, Error *error) {
    RopeConfig *r = &c->rope;
    json_t *rope = json_object_get(json, "rope_parameters");
    if (!json_is_object(rope)) rope = json_object_get(json, "rope_scaling");
    json_t *theta_from = json_is_object(rope) && json_object_get(rope, "rope_theta") != NULL ? rope : json;
    if (!json_number_or(theta_from, path, "rope_theta", 10000, &r->theta, error)) return false;
    if (!json_is_object(rope)) return true;
    return read_rope_kind(rope, path, r, error) && json_number_or(rope, path, "factor", 1, &r->factor, error) &&
           json_number_or(rope, path, "low_freq_factor", 1, &r->low_freq_factor, error) &&
           json_number_or(rope, path, "high_freq_factor", 4, &r->high_freq_factor, error) &&
           json_number_or(rope, path, "original_max_position_embeddings", c->max_positions, &r->original_max_positions, error) &&
           json_number_or(rope, path, "beta_fast", 32, &r->beta_fast, error) &&
           json_number_or(rope, path, "beta_slow", 1, &r->beta_slow, error) &&
           json_number_or(rope, path, "attention_factor", 0, &r->attention_factor, error);
}

// A token id, or the first of a list of them; -1: none.
static bool read_token(json_t *json, const char *path, const char *key, int32_t *out, Error *error) {
    json_t *value = json_object_get(json, key);
    *out = -1;
    if (value == NULL || json_is_null(value)) return true;
    if (json_is_array(value)) value = json_array_get(value, 0);
    if (!json_is_integer(value) || json_integer_value(value) < -1 || json_integer_value(value) > SIZE_MAX_VALUE) {
        return error_set(error, "%s: key \"%s\": expected a token id", path, key);
    }
    *out = (int32_t)json_integer_value(value);
    return true;
}

bool hf_config_parse(json_t *json, const char *path, ModelConfig *config, Error *error) {
    *config = (ModelConfig){0};
    if (!json_is_object(json)) return error_set(error, "%s: expected an object", path);
    return read_family(json, path, config, error) && read_sizes(json, path, config, error) &&
           read_switches(json, path, config, error) && read_rope(json, path, config, error) &&
           read_token(json, path, "bos_token_id", &config->bos_id, error) &&
           read_token(json, path, "eos_token_id", &config->eos_id, error) &&
           read_token(json, path, "pad_token_id", &config->pad_id, error) && model_config_check(config, path, error);
}

// ---- writing

static void write_rope(JsonWriter *w, const RopeConfig *r, const char *key, bool with_theta) {
    static const char *const names[] = {"default", "linear", "llama3", "yarn"};
    jw_key(w, key);
    if (r->kind == ROPE_DEFAULT && !with_theta) {
        jw_null(w);
        return;
    }
    jw_object_begin(w);
    jw_kstring(w, "rope_type", str_of(names[r->kind]));
    if (with_theta) jw_kf64(w, "rope_theta", r->theta);
    if (r->kind != ROPE_DEFAULT) jw_kf64(w, "factor", r->factor);
    if (r->kind == ROPE_LLAMA3) {
        jw_kf64(w, "low_freq_factor", r->low_freq_factor);
        jw_kf64(w, "high_freq_factor", r->high_freq_factor);
    }
    if (r->kind == ROPE_YARN) {
        jw_kf64(w, "beta_fast", r->beta_fast);
        jw_kf64(w, "beta_slow", r->beta_slow);
        if (r->attention_factor > 0) jw_kf64(w, "attention_factor", r->attention_factor);
    }
    if (r->kind >= ROPE_LLAMA3) jw_kint(w, "original_max_position_embeddings", (int64_t)r->original_max_positions);
    jw_object_end(w);
}

static void write_token(JsonWriter *w, const char *key, int32_t id) {
    jw_key(w, key);
    if (id >= 0) {
        jw_int(w, id);
    } else {
        jw_null(w);
    }
}

void hf_config_write(const ModelConfig *c, const char *dtype, Buf *out) {
    static const char *const classes[] = {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"};
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_key(&w, "architectures");
    jw_array_begin(&w);
    jw_string(&w, str_of(classes[c->family]));
    jw_array_end(&w);
    jw_kstring(&w, "model_type", str_of(model_family_name(c->family)));
    jw_kint(&w, "vocab_size", c->vocabulary);
    jw_kint(&w, "hidden_size", c->hidden);
    jw_kint(&w, "num_hidden_layers", c->n_layers);
    jw_kint(&w, "num_attention_heads", c->n_heads);
    jw_kint(&w, "num_key_value_heads", c->n_kv_heads);
    jw_kint(&w, "head_dim", c->head_dim);
    jw_kint(&w, "intermediate_size", c->ffn);
    jw_kint(&w, "max_position_embeddings", c->max_positions);
    jw_kf32(&w, "rms_norm_eps", c->norm_eps);
    jw_kstring(&w, "hidden_act", STR("silu"));
    jw_kbool(&w, "tie_word_embeddings", c->tied);
    if (c->family != MODEL_QWEN2) jw_kbool(&w, "attention_bias", c->qkv_bias);
    if (c->family == MODEL_LLAMA) jw_kbool(&w, "mlp_bias", c->mlp_bias);
    jw_kf64(&w, "attention_dropout", 0);
    jw_kf64(&w, "rope_theta", c->rope.theta);
    write_rope(&w, &c->rope, "rope_scaling", false);
    write_rope(&w, &c->rope, "rope_parameters", true);
    write_token(&w, "bos_token_id", c->bos_id);
    write_token(&w, "eos_token_id", c->eos_id);
    write_token(&w, "pad_token_id", c->pad_id);
    jw_kstring(&w, "torch_dtype", str_of(dtype));
    jw_kstring(&w, "dtype", str_of(dtype));
    jw_kbool(&w, "use_cache", true);
    jw_object_end(&w);
    buf_add_char(out, '\n');
}
