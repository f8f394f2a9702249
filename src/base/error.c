#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// A message is one line whatever text from outside it quotes: control characters become blanks.
static void make_one_line(char *message) {
    for (char *c = message; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    }
}

bool error_set(Error *error, const char *format, ...) {
    if (error == NULL) return false;
    // Formatted aside, since an argument may be the old message itself.
    char text[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_one_line(text);
    memcpy(error->message, text, sizeof text);
    return false;
}

bool error_set_errno(Error *error, const char *format, ...) {
    int number = errno;
    if (error == NULL) return false;
    char text[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char reason[128];
    // GNU strerror_r: returns the text, which need not lie in the buffer.
    return error_set(error, "%s: %s", text, strerror_r(number, reason, sizeof reason));
}

bool error_prefix(Error *error, const char *format, ...) {
    if (error == NULL) return false;
    char text[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(error, "%s: %s", text, error->message);
}
