#include "data/thrift.h"

static uint8_t byte(Thrift *t) {
    if (t->at == t->end) t->bad = true;
    return t->bad ? 0 : *t->at++;
}

static uint64_t varint(Thrift *t) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = byte(t);
        value |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) return value;
    }
    t->bad = true;
    return 0;
}

static int64_t zigzag(Thrift *t) {
    uint64_t value = varint(t);
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static Str bytes(Thrift *t, uint64_t count) {
    if (t->bad || count > (uint64_t)(t->end - t->at)) {
        t->bad = true;
        return (Str){0};
    }
    Str found = {(const char *)t->at, (size_t)count};
    t->at += count;
    return found;
}

bool thrift_field(Thrift *t, ThriftField *field) {
    uint8_t head = byte(t);
    field->type = head & 0x0f;
    if (t->bad || field->type == THRIFT_STOP) return false;
    int64_t id = head >> 4 != 0 ? field->id + (head >> 4) : zigzag(t);
    if (id < 0 || id > INT16_MAX || field->type > THRIFT_STRUCT) t->bad = true;
    field->id = (int)id;
    return !t->bad;
}

static int64_t int_of(Thrift *t, ThriftType type) {
    if (type == THRIFT_I8) return (int8_t)byte(t);
    if (type != THRIFT_I16 && type != THRIFT_I32 && type != THRIFT_I64) t->bad = true;
    return t->bad ? 0 : zigzag(t);
}

int64_t thrift_int(Thrift *t, const ThriftField *field) {
    return int_of(t, field->type);
}

bool thrift_bool(Thrift *t, const ThriftField *field) {
    if (field->type != THRIFT_TRUE && field->type != THRIFT_FALSE) t->bad = true;
    return field->type == THRIFT_TRUE;
}

Str thrift_binary(Thrift *t, const ThriftField *field) {
    if (field->type != THRIFT_BINARY) t->bad = true;
    return bytes(t, t->bad ? 0 : varint(t));
}

bool thrift_struct(Thrift *t, const ThriftField *field) {
    if (field->type != THRIFT_STRUCT) t->bad = true;
    return !t->bad;
}

static size_t list_head(Thrift *t, ThriftType *element) {
    uint8_t head = byte(t);
    uint64_t count = head >> 4 == 15 ? varint(t) : head >> 4;
    *element = head & 0x0f;
    // An element takes at least a byte, so no count can be far from what is there.
    if (count > (uint64_t)(t->end - t->at)) t->bad = true;
    return t->bad ? 0 : (size_t)count;
}

size_t thrift_list(Thrift *t, const ThriftField *field, ThriftType element) {
    ThriftType found = element;
    if (field->type != THRIFT_LIST) t->bad = true;
    size_t count = t->bad ? 0 : list_head(t, &found);
    if (count > 0 && found != element) t->bad = true;
    return t->bad ? 0 : count;
}

static void skip(Thrift *t, ThriftType type, bool in_list, int depth);

static void skip_elements(Thrift *t, int depth) {
    ThriftType element;
    size_t count = list_head(t, &element);
    for (size_t i = 0; i < count && !t->bad; i++)
        skip(t, element, true, depth);
}

static void skip_map(Thrift *t, int depth) {
    uint64_t count = varint(t);
    if (count == 0) return;
    uint8_t types = byte(t);
    for (uint64_t i = 0; i < count && !t->bad; i++) {
        skip(t, types >> 4, true, depth);
        skip(t, types & 0x0f, true, depth);
    }
}

static void skip(Thrift *t, ThriftType type, bool in_list, int depth) {
    if (depth == THRIFT_DEPTH_MAX) t->bad = true;
    if (t->bad) return;
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        if (in_list) byte(t); // as a field it is in the type
        return;
    case THRIFT_I8:
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        int_of(t, type);
        return;
    case THRIFT_DOUBLE:
        bytes(t, 8);
        return;
    case THRIFT_BINARY:
        bytes(t, varint(t));
        return;
    case THRIFT_LIST:
    case THRIFT_SET:
        skip_elements(t, depth + 1);
        return;
    case THRIFT_MAP:
        skip_map(t, depth + 1);
        return;
    case THRIFT_STRUCT:
        for (ThriftField f = {0}; thrift_field(t, &f);)
            skip(t, f.type, false, depth + 1);
        return;
    default:
        t->bad = true;
    }
}

void thrift_skip(Thrift *t, const ThriftField *field) {
    skip(t, field->type, false, 0);
}
