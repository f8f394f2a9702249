// The report page: what it holds, how it escapes, what it refuses. Coordinates by hand.
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
#include "base/mem.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/tokens.h"

static Error error;
static void must(bool done) {
    if (!done) fail_msg("%s", error.message);
}

static char *make_folder(const char *name, const char *metrics, const char *samples) {
    char *folder = path_join(TEST_SCRATCH, name);
    must(path_remove(folder, &error));
    must(dir_make(folder, &error));
    const char *names[] = {"metrics.jsonl", "samples.jsonl"}, *texts[] = {metrics, samples};
    for (int i = 0; i < 2; i++) {
        if (texts[i] == NULL) continue;
        char *path = path_join(folder, names[i]);
        must(file_write_atomic(path, texts[i], strlen(texts[i]), &error));
        mem_free(path);
    }
    return folder;
}

static Buf page_of(const char *folder) {
    must(report_write(folder, NULL, &error));
    char *path = path_join(folder, REPORT_FILE);
    Buf page;
    must(file_read(path, 1 << 24, &page, &error));
    mem_free(path);
    return page;
}

static int count(const Buf *page, const char *needle) {
    int n = 0;
    for (const char *at = page->data; (at = strstr(at, needle)) != NULL; at++) n++;
    return n;
}

static void a_line_runs_corner_to_corner(void **state) {
    (void)state;
    Buf out;
    buf_init(&out, 0);
    // the plot's box: x 52 .. 350, y 178 (least) .. 8 (greatest)
    chart_write(&out, "loss", (double[]){0, 5, 10}, (double[]){0, 0.25, 1}, 3);
    assert_non_null(strstr(out.data, "d=\"M52.0 178.0h0L201.0 135.5L350.0 8.0\""));
    buf_clear(&out);
    chart_write(&out, "gap", (double[]){0, 1, 2, 3, 4}, (double[]){0, 1, NAN, INFINITY, 1}, 5);
    assert_non_null(strstr(out.data, "d=\"M52.0 178.0h0L126.5 8.0M350.0 8.0h0\""));
    buf_free(&out);
}

static void odd_series_are_drawn(void **state) {
    (void)state;
    const double values[][2] = {{3, 3},      {0, 0},         {NAN, NAN},   {1e308, -1e308},
                                {5e-324, 0}, {1e9, 1e9 + 1}, {INFINITY, 1}};
    Buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (size_t n = 0; n <= 2; n++) chart_write(&out, "x", (double[]){7, 7}, values[i], n);
    assert_int_equal(count(&out, "<figure>"), 3 * 7);
    assert_null(strstr(out.data, "nan"));
    buf_clear(&out);
    chart_write(&out, "x", (double[]){7, 7}, values[0], 2); // constant: in the middle
    assert_non_null(strstr(out.data, "d=\"M201.0 93.0h0L201.0 93.0\""));
    buf_clear(&out);
    chart_write(&out, "x", (double[]){7, 7}, values[3], 2); // wider than a double: from top to bottom
    assert_non_null(strstr(out.data, "d=\"M201.0 8.0h0L201.0 178.0\""));
    assert_null(strstr(out.data, "inf "));
    buf_free(&out);
}

// A long series is drawn in few points, and its peaks stay.
static void peaks_outlive_thinning(void **state) {
    (void)state;
    enum { N = 100000 };
    double *steps = mem_alloc(N, sizeof *steps), *values = mem_alloc(N, sizeof *values);
    for (int i = 0; i < N; i++) steps[i] = i, values[i] = 0.5;
    values[54321] = 1;
    values[54322] = 0;
    Buf out;
    buf_init(&out, 0);
    chart_write(&out, "x", steps, values, N);
    assert_true(out.len < 30000);
    assert_non_null(strstr(out.data, " 8.0L")); // the peak, at the top
    assert_non_null(strstr(out.data, " 178.0L"));
    buf_free(&out);
    mem_free(steps);
    mem_free(values);
}

static void a_page_has_its_parts(void **state) {
    (void)state;
    char *folder = make_folder("html_parts",
                               "{\"step\":1,\"time_ms\":1000,\"loss\":2.5,\"reward/r_kl\":1,\"reward/r_ss\":null}\n"
                               "{\"step\":2,\"time_ms\":4500,\"loss\":1.5,\"reward/r_kl\":2,\"note\":\"x\"}\n"
                               "{\"step\":3,\"time_ms\":45", // killed here
                               "{\"step\":1,\"question\":\"3 7 -> 10\",\"reward\":0.25}\n"
                               "{\"step\":2,\"text\":\"a\\nb\",\"ok\":true}\n");
    Buf page = page_of(folder);
    assert_int_equal(count(&page, "<figure>"), 3);
    assert_int_equal(count(&page, "<h2>reward</h2>"), 1);
    assert_non_null(strstr(page.data, "Up to step 2, 4 s."));
    assert_non_null(strstr(page.data, "<b>loss</b> <span>1.5</span>"));
    assert_non_null(strstr(page.data, "<th>step</th><th>question</th><th>reward</th><th>text</th><th>ok</th>"));
    assert_non_null(strstr(page.data, "<td><pre>3 7 -&gt; 10</pre></td><td class=\"n\">0.25</td><td></td>"));
    assert_non_null(strstr(page.data, "<pre>a\nb</pre></td><td><pre>true</pre></td>"));
    buf_free(&page);
    mem_free(folder);
}

static void nothing_from_outside_is_markup(void **state) {
    (void)state;
    char *folder = make_folder("html_<b>&", "{\"step\":1,\"<script>alert(1)</script>/\\\"'x\":1}\n",
                               "{\"<i>\":\"</pre><img src=x onerror=alert(1)>\\u0000\\u001b[31m\",\"l\":[\"<u>\"]}\n");
    char *recipe = path_join(folder, "recipe.yaml");
    must(file_write_atomic(recipe, "a: </pre><script>\xff", 19, &error));
    Buf page = page_of(folder);
    assert_int_equal(count(&page, "<script"), 0);
    assert_int_equal(count(&page, "<img"), 0);
    assert_int_equal(count(&page, "<i>"), 0);
    assert_int_equal(count(&page, "<u>"), 0);
    assert_non_null(strstr(page.data, "<h1>html_&lt;b&gt;&amp;</h1>"));
    assert_non_null(strstr(page.data, "&lt;img src=x onerror=alert(1)&gt;\uFFFD\uFFFD[31m"));
    assert_non_null(strstr(page.data, "a: &lt;/pre&gt;&lt;script&gt;\uFFFD"));
    assert_non_null(strstr(page.data, "/&quot;&#39;x"));
    // self-contained: no address at all
    assert_int_equal(count(&page, "http://") + count(&page, "https://") + count(&page, "url("), 0);
    buf_free(&page);
    mem_free(recipe);
    mem_free(folder);
}

static void only_the_last_samples_and_the_heads_of_long_texts(void **state) {
    (void)state;
    Buf samples;
    buf_init(&samples, 0);
    for (int i = 0; i < REPORT_MAX_SAMPLES + 7; i++) {
        buf_printf(&samples, "{\"name\":\"s%d.\",\"long\":\"x", i); // odd: the cut falls into an é
        for (int k = 0; k < REPORT_MAX_CELL_BYTES / 2 + 10; k++) buf_add_text(&samples, "é");
        buf_add_text(&samples, "\"}\n");
    }
    char *folder = make_folder("html_samples", NULL, samples.data);
    Buf page = page_of(folder);
    assert_non_null(strstr(page.data, "The last 50 of 57."));
    assert_null(strstr(page.data, "s6."));
    assert_non_null(strstr(page.data, "s7."));
    assert_non_null(strstr(page.data, "s56."));
    assert_int_equal(count(&page, "é…</pre>"), 50);
    assert_true(page.len < 60 * REPORT_MAX_CELL_BYTES);
    buf_free(&page);
    buf_free(&samples);
    mem_free(folder);
}

// Colours by hand: the class is ceil(5 sqrt(|value| / largest) - 1/2); r_KL's are orange above 0, r_SS's below.
static void tokens_are_drawn_by_their_values(void **state) {
    (void)state;
    char *folder = make_folder("html_tokens", NULL,
                               "{\"step\":3,\"question\":\"<q>\",\"reward\":0.5,"
                               "\"explanation_tokens\":[\"a<b\",\" c\",\"\\n\",\"d\",\"e\"],\"kl_values\":[4,1,0,-0.25,null],"
                               "\"solution_tokens\":[\"7\",\"<img>\"],\"ss_values\":[-2,-0.5]}\n"
                               "{\"step\":4,\"explanation_tokens\":[\"f\"],\"kl_values\":[1,2]}\n"
                               "{\"step\":5,\"explanation_tokens\":[7],\"kl_values\":[1]}\n"
                               "{\"step\":6,\"explanation_tokens\":[\"g\"],\"kl_values\":[\"<x>\"]}\n");
    Buf page = page_of(folder);
    assert_int_equal(count(&page, "<section>"), 1); // rows whose tokens and values do not fit are passed over
    assert_non_null(strstr(page.data, "<span class=\"p5\" title=\"4\">a&lt;b</span><span class=\"p2\" title=\"1\"> c</span>"
                                      "<span title=\"0\">\n</span><span class=\"m1\" title=\"-0.25\">d</span><span title=\"none\">e</span>"));
    assert_non_null(strstr(page.data, "<span class=\"p5\" title=\"-2\">7</span><span class=\"p2\" title=\"-0.5\">&lt;img&gt;</span>"));
    assert_non_null(strstr(page.data, "<tr><td><pre>a&lt;b</pre></td><td class=\"n\">4</td></tr>"));
    // the legend: each class's value, square of its share of the largest
    assert_non_null(strstr(page.data, "<span class=\"m5\">-4</span><span class=\"m4\">-2.6</span>"));
    assert_non_null(strstr(page.data, "<span class=\"p5\">4</span>"));
    assert_non_null(strstr(page.data, "<span class=\"p5\">-2</span>"));
    assert_int_equal(count(&page, "<img"), 0);
    assert_int_equal(count(&page, "<q>") + count(&page, "<x>"), 0);
    buf_free(&page);
    // a file of rows, and long texts and many rows
    Buf rows;
    buf_init(&rows, 0);
    for (int r = 0; r < TOKENS_MAX_ROWS + 3; r++) {
        buf_printf(&rows, "{\"step\":%d,\"solution_tokens\":[\"x\"", r);
        for (int i = 0; i < TOKENS_MAX_TOKENS; i++) buf_add_text(&rows, ",\"x\"");
        buf_add_text(&rows, "],\"ss_values\":[0");
        for (int i = 0; i < TOKENS_MAX_TOKENS; i++) buf_add_text(&rows, ",0");
        buf_add_text(&rows, "]}\n");
    }
    char *file = path_join(folder, "scored.jsonl"), *out = path_join(folder, "scored.html");
    must(file_write_atomic(file, rows.data, rows.len, &error));
    must(report_write(file, out, &error));
    must(file_read(out, 1 << 24, &page, &error));
    assert_int_equal(count(&page, "<section>"), TOKENS_MAX_ROWS);
    assert_int_equal(count(&page, "<span title=\"0\">x</span>"), TOKENS_MAX_ROWS * TOKENS_MAX_TOKENS);
    assert_non_null(strstr(page.data, "The first 1000 of 1001 tokens."));
    buf_free(&page), buf_free(&rows);
    mem_free(file), mem_free(out), mem_free(folder);
}

static void bad_folders_are_named(void **state) {
    (void)state;
    const struct {
        const char *metrics, *samples, *message;
    } cases[] = {
        {NULL, NULL, "expected a run folder with metrics.jsonl"},
        {"{\"step\":1}\n{\"st\n{\"step\":3}\n", NULL, "metrics.jsonl:2: not "},
        {"{\"loss\":1}\n", NULL, "metrics.jsonl:1: key \"step\""},
        {"[1]\n", NULL, "metrics.jsonl:1: expected a JSON object"},
        {NULL, "{}\n7\n", "samples.jsonl:2: expected a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *folder = make_folder("html_bad", cases[i].metrics, cases[i].samples);
        char *page = path_join(folder, REPORT_FILE);
        assert_false(report_write(folder, NULL, &error));
        if (strstr(error.message, cases[i].message) == NULL) fail_msg("%s", error.message);
        assert_false(file_exists(page)); // nothing half written
        mem_free(page);
        mem_free(folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_runs_corner_to_corner),
        cmocka_unit_test(odd_series_are_drawn),
        cmocka_unit_test(peaks_outlive_thinning),
        cmocka_unit_test(a_page_has_its_parts),
        cmocka_unit_test(nothing_from_outside_is_markup),
        cmocka_unit_test(only_the_last_samples_and_the_heads_of_long_texts),
        cmocka_unit_test(tokens_are_drawn_by_their_values),
        cmocka_unit_test(bad_folders_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
