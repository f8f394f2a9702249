#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Keeps a message to one line.
static void flatten(char *text) {
    for (; *text != 0; text++) {
        if (*text == '\n' || *text == '\r') *text = ' ';
    }
}

bool error_set(Error *error, const char *format, ...) {
    if (error == NULL) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    flatten(error->message);
    return false;
}

bool error_set_errno(Error *error, const char *format, ...) {
    int number = errno;
    if (error == NULL) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    size_t length = strlen(error->message);
    snprintf(error->message + length, sizeof error->message - length, ": %s", strerror(number));
    flatten(error->message);
    return false;
}

bool error_prefix(Error *error, const char *format, ...) {
    if (error == NULL) return false;
    char context[ERROR_MESSAGE_MAX / 4], old[ERROR_MESSAGE_MAX - ERROR_MESSAGE_MAX / 4 - 2];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    snprintf(old, sizeof old, "%.*s", (int)sizeof old - 1, error->message);
    snprintf(error->message, sizeof error->message, "%s: %s", context, old);
    flatten(error->message);
    return false;
}
