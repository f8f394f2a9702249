#include "text.h"

#include "base/mem.h"
#include "formats/model_io.h"

bool oracle_text_load(const char *dir, OracleText *out, Error *error)
{
    ModelFile *file;
    *out = (OracleText){0};
    if (!model_file_open(dir, &file, error))
        return false;
    bool ok = tokenizer_from_json(model_file_tokenizer_json(file), dir, &out->tokenizer, error) &&
              chat_recognise(model_file_chat_template(file), dir, &out->chat, error);
    model_file_close(file);
    if (!ok)
        oracle_text_free(out);
    return ok;
}

void oracle_text_free(OracleText *text)
{
    tokenizer_destroy(text->tokenizer);
    *text = (OracleText){0};
}

bool oracle_read_ids(json_t *array, const char *where, Ids *ids, Error *error)
{
    json_t *item;
    size_t i;
    json_array_foreach (array, i, item) {
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id > INT32_MAX)
            return error_set(error, "%s: element %zu of ids, expected an id", where, i);
        ids_add(ids, (int32_t)id);
    }
    return true;
}

bool oracle_need_numbers(json_t *object, const char *where, const char *key, float **values, size_t *count,
                         Error *error)
{
    json_t *array, *item;
    size_t i;
    if (!json_need_array(object, where, key, &array, error))
        return false;
    *count = json_array_size(array);
    *values = mem_alloc(*count, sizeof **values);
    json_array_foreach (array, i, item) {
        if (!json_is_number(item)) {
            mem_free(*values);
            *values = NULL;
            return error_set(error, "%s: element %zu of %s, expected a number", where, i, key);
        }
        (*values)[i] = (float)json_number_value(item);
    }
    return true;
}
