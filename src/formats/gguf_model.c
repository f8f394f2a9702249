#include "formats/model_file.h"

bool gguf_model_open(ModelFile *file, Error *error) { return error_set(error, "%s: GGUF is not read yet", file->path); }
