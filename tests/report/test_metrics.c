// metrics.jsonl and TensorBoard events. References: CRC-32C of RFC 3720, appendix B.4; event bytes from the tensorboard
// package 2.21.0 (its RecordWriter over its Event messages).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "report/metrics.h"

static const char *FOLDER = TEST_SCRATCH "/test_metrics";
static Error error;

static void must(bool done) {
    if (!done) fail_msg("%s", error.message);
}

static void crcs_are_those_of_the_rfc(void **state) {
    (void)state;
    unsigned char bytes[32];
    memset(bytes, 0, 32);
    assert_int_equal(crc32c(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(crc32c(bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(bytes, 32), 0x46dd794e);
    assert_int_equal(crc32c("", 0), 0);
}

static void events_are_those_of_tensorboard(void **state) {
    (void)state;
    static const char expected[] =
        "\x18\x00\x00\x00\x00\x00\x00\x00\xa3\x7f\x4b\x22\x09\x00\x00\x08\x60\xa6\x99\xd9\x41\x1a\x0d\x62\x72\x61"
        "\x69\x6e\x2e\x45\x76\x65\x6e\x74\x3a\x32\xfd\xd1\xcc\xfd\x30\x00\x00\x00\x00\x00\x00\x00\x95\xf5\xd0\x5f"
        "\x09\x00\x00\x60\x60\xa6\x99\xd9\x41\x10\xc8\x01\x2a\x22\x0a\x11\x0a\x0a\x74\x72\x61\x69\x6e\x2f\x6c\x6f"
        "\x73\x73\x15\x00\x00\xa0\x3f\x0a\x0d\x0a\x06\x72\x65\x77\x61\x72\x64\x15\xcd\xcc\xcc\xbd\x56\xa6\xe6\x45"
        "\x1c\x00\x00\x00\x00\x00\x00\x00\xc8\xc1\x95\x1d\x09\x00\x00\x80\x60\xa6\x99\xd9\x41\x10\xf0\xa2\x04\x2a"
        "\x0d\x0a\x0b\x0a\x04\x6c\x6f\x73\x73\x15\x00\x00\x40\x40\x46\x99\x1e\x65";
    Buf out;
    buf_init(&out, 0);
    tfevents_add_version(&out, 1718000000.125);
    tfevents_add_scalars(&out, 1718000001.5, 200, (Metric[]){{"train/loss", 1.25}, {"reward", -0.1}}, 2);
    tfevents_add_scalars(&out, 1718000002.0, 70000, (Metric[]){{"loss", 3}}, 1);
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.len);
    buf_free(&out);
}

static Buf read_file(const char *name) {
    char *path = path_join(FOLDER, name);
    Buf bytes;
    must(file_read(path, 1 << 20, &bytes, &error));
    mem_free(path);
    return bytes;
}

static void add_row(MetricsWriter *writer, int64_t step, double loss) {
    const Metric metrics[] = {{"loss", loss}, {"reward/r_ss", 0.1 * (double)step}};
    must(metrics_add(writer, step, metrics, 2, &error));
}

static void begin(uint64_t keep, MetricsWriter **writer) {
    must(dir_make(FOLDER, &error));
    must(metrics_open(FOLDER, keep, writer, &error));
}

static void rows_read_back_to_the_bits(void **state) {
    (void)state;
    MetricsWriter *writer;
    begin(0, &writer);
    add_row(writer, 0, 1.0 / 3);
    add_row(writer, 1, NAN);
    must(metrics_sync(writer, &error));
    Buf text = read_file(METRICS_FILE);
    assert_int_equal(metrics_size(writer), text.len);
    metrics_close(writer);
    char *second = strchr(text.data, '\n') + 1;
    json_t *row;
    must(json_parse((Str){text.data, (size_t)(second - 1 - text.data)}, "row", &row, &error));
    assert_int_equal(json_integer_value(json_object_get(row, "step")), 0);
    assert_true(json_integer_value(json_object_get(row, "time_ms")) > 1500000000000);
    assert_true(json_number_value(json_object_get(row, "loss")) == 1.0 / 3);
    json_decref(row);
    assert_non_null(strstr(second, "\"loss\":null"));
    assert_int_equal(second[strlen(second) - 1], '\n');
    buf_free(&text);
}

// A run of 4 rows is cut after 2, as by a kill behind a checkpoint, and goes on: rows and events are those of a run
// that was never cut, but for the time of the first event and of the new rows.
static void a_resumed_run_goes_on_from_its_checkpoint(void **state) {
    (void)state;
    MetricsWriter *writer;
    begin(0, &writer);
    uint64_t rows_size = 0, events_size = 0;
    char *events_path = path_join(FOLDER, METRICS_EVENTS_FILE), *rows_path = path_join(FOLDER, METRICS_FILE);
    for (int64_t step = 0; step < 4; step++) {
        add_row(writer, step, step == 1 ? INFINITY : 0.5);
        if (step != 1) continue;
        rows_size = metrics_size(writer);
        must(file_size(events_path, &events_size, &error));
    }
    metrics_close(writer);
    Buf rows = read_file(METRICS_FILE), events = read_file(METRICS_EVENTS_FILE);
    begin(rows_size, &writer);
    Buf kept = read_file(METRICS_FILE), again = read_file(METRICS_EVENTS_FILE);
    assert_int_equal(kept.len, rows_size);
    assert_memory_equal(kept.data, rows.data, rows_size);
    assert_int_equal(again.len, events_size);
    const size_t version_size = 40;
    // an infinite value is null in the rows, hence NaN in the second event anew: its 4 bytes and CRC are its own
    Buf expected;
    buf_init(&expected, 0);
    json_t *row;
    char *end_of_first = strchr(rows.data, '\n');
    must(json_parse((Str){end_of_first + 1, rows_size - (size_t)(end_of_first + 1 - rows.data)}, "row", &row, &error));
    double time_s = (double)json_integer_value(json_object_get(row, "time_ms")) / 1000;
    json_decref(row);
    tfevents_add_scalars(&expected, time_s, 1, (Metric[]){{"loss", NAN}, {"reward/r_ss", 0.1}}, 2);
    size_t first_size = events_size - version_size - expected.len;
    assert_memory_equal(again.data + version_size, events.data + version_size, first_size);
    assert_memory_equal(again.data + version_size + first_size, expected.data, expected.len);
    add_row(writer, 2, 0.5);
    uint64_t grown;
    must(file_size(events_path, &grown, &error));
    assert_true(grown > events_size);
    metrics_close(writer);
    // what can't be resumed is refused: more than there is, or the middle of a row
    assert_false(metrics_open(FOLDER, 100000, &writer, &error));
    assert_non_null(strstr(error.message, METRICS_FILE));
    assert_false(metrics_open(FOLDER, rows_size - 4, &writer, &error));
    assert_non_null(strstr(error.message, METRICS_FILE ":2"));
    assert_false(metrics_open(TEST_SCRATCH "/no/such/folder", 0, &writer, &error));
    buf_free(&rows);
    buf_free(&events);
    buf_free(&kept);
    buf_free(&again);
    buf_free(&expected);
    mem_free(events_path);
    mem_free(rows_path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crcs_are_those_of_the_rfc),
        cmocka_unit_test(events_are_those_of_tensorboard),
        cmocka_unit_test(rows_read_back_to_the_bits),
        cmocka_unit_test(a_resumed_run_goes_on_from_its_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
