#include "compute/compute.h"

#include <assert.h>
#include <string.h>
#include "compute/cpu/cpu.h"
#include "compute/ref/ref.h"

Mat mat_reshape(Mat m, int32_t new_cols)
{
    assert(new_cols >= 1);
    int64_t count = (int64_t)m.rows * m.cols;
    assert(count % new_cols == 0 && count / new_cols <= INT32_MAX);
    return mat(m.data, (int32_t)(count / new_cols), new_cols);
}

bool backend_create(const char *name, Backend **backend, Error *error)
{
    *backend = NULL;
    if (strcmp(name, "ref") == 0) {
        *backend = ref_backend_create();
        return true;
    }
    if (strcmp(name, "cpu") == 0)
        return cpu_backend_create("", backend, error);
    if (strncmp(name, "cpu:", 4) == 0 && name[4] != '\0')
        return cpu_backend_create(name + 4, backend, error);
    return error_set(error, "unknown backend \"%s\": expected cpu, cpu:portable, cpu:avx2, cpu:avx512 or ref", name);
}

void backend_destroy(Backend *backend)
{
    if (backend)
        backend->ops->destroy(backend);
}

const char *backend_describe(const Backend *backend)
{
    return backend->ops->describe(backend);
}
