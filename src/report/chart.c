#include "report/chart.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

// The drawing, in SVG units: the plot's box within the figure.
enum { WIDTH = 360, HEIGHT = 200, LEFT = 52, RIGHT = 350, TOP = 8, BOTTOM = 178 };
#define SMOOTH_FROM 60   // points from which a smoothed line is drawn
#define SMOOTH_PART 0.05 // half its window, of the points

void html_escape(Buf *out, Str text) {
    Buf clean;
    buf_init(&clean, 0);
    buf_add_utf8_lossy(&clean, text);
    for (size_t i = 0; i < clean.len; i++) {
        unsigned char c = (unsigned char)clean.data[i];
        switch (c) {
        case '&': buf_add_text(out, "&amp;"); break;
        case '<': buf_add_text(out, "&lt;"); break;
        case '>': buf_add_text(out, "&gt;"); break;
        case '"': buf_add_text(out, "&quot;"); break;
        case '\'': buf_add_text(out, "&#39;"); break;
        default:
            if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7F)
                buf_add_text(out, "\uFFFD");
            else
                buf_add_char(out, (char)c);
        }
    }
    buf_free(&clean);
}

// ---- axes

typedef struct Axis {
    double min, max; // of the data, min < max
    int from, to;    // in SVG units
} Axis;

// The range of the finite values, widened where it is empty.
static Axis axis_of(const double *values, size_t n, int from, int to) {
    double min = INFINITY, max = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) continue;
        min = fmin(min, values[i]);
        max = fmax(max, values[i]);
    }
    if (min > max) min = 0, max = 1;
    // ranges whose ends are nearly one, or whose width does not fit, still need a width that can be divided by
    double least = fmax(fabs(min), fabs(max)) * 1e-9 + DBL_MIN * 1e16;
    if (max - min < least) {
        double half = max != 0 || min != 0 ? fmax(fabs(max) * 0.05, least) : 0.5;
        min -= half;
        max += half;
    }
    if (!isfinite(max - min)) min = -DBL_MAX / 4, max = DBL_MAX / 4;
    return (Axis){min, max, from, to};
}

static double place(const Axis *axis, double value) {
    double part = (value - axis->min) / (axis->max - axis->min);
    return axis->from + fmin(fmax(part, 0), 1) * (axis->to - axis->from);
}

// 1, 2 or 5 times a power of ten, so that the range has at least `least` of them.
static double tick_step(const Axis *axis, int least) {
    double rough = (axis->max - axis->min) / least, power = pow(10, floor(log10(rough)));
    double times = rough / power;
    return power * (times < 2 ? 1 : times < 5 ? 2 : 5);
}

static void write_ticks(Buf *out, const Axis *x, const Axis *y) {
    double step = tick_step(y, 3);
    // digits that tell neighbouring ticks apart, without an exponent up to a million
    int digits = (int)fmin(fmax(log10(fmax(fabs(y->min), fabs(y->max)) / step) + 2, 6), 12);
    for (double tick = ceil(y->min / step) * step; tick <= y->max; tick += step) {
        double at = place(y, tick);
        buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, RIGHT, at, at);
        buf_printf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*g</text>", LEFT - 5, at + 3.5, digits,
                   fabs(tick) < step / 1e6 ? 0 : tick);
    }
    step = fmax(tick_step(x, 4), 1); // steps are whole
    for (double tick = ceil(x->min / step) * step; tick <= x->max; tick += step)
        buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.10g</text>", place(x, tick), BOTTOM + 14,
                   tick);
    buf_printf(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", LEFT, RIGHT, BOTTOM, BOTTOM);
}

// ---- lines

typedef struct Pen {
    Buf *out;
    const Axis *x, *y;
    bool down; // false: the next point begins a line
} Pen;

static void pen_to(Pen *pen, double step, double value) {
    if (!isfinite(value)) {
        pen->down = false;
        return;
    }
    buf_printf(pen->out, "%s%.1f %.1f", pen->down ? "L" : "M", place(pen->x, step), place(pen->y, value));
    if (!pen->down) buf_add_text(pen->out, "h0"); // a lone point shows as a dot (round line caps)
    pen->down = true;
}

// A bucket of points as its least and its greatest value, in their order: no peak is lost.
static void pen_bucket(Pen *pen, const double *steps, const double *values, size_t from, size_t to) {
    size_t low = to, high = to;
    for (size_t i = from; i < to; i++) {
        if (!isfinite(values[i])) continue;
        if (low == to || values[i] < values[low]) low = i;
        if (high == to || values[i] > values[high]) high = i;
    }
    if (low == to) {
        pen_to(pen, 0, NAN);
        return;
    }
    size_t first = low < high ? low : high, second = low < high ? high : low;
    pen_to(pen, steps[first], values[first]);
    if (second != first) pen_to(pen, steps[second], values[second]);
}

static void write_path(Buf *out, const char *class, const Axis *x, const Axis *y, const double *steps,
                       const double *values, size_t n) {
    Pen pen = {out, x, y, false};
    buf_printf(out, "<path class=\"%s\" d=\"", class);
    size_t buckets = n <= CHART_MAX_POINTS ? n : CHART_MAX_POINTS / 2;
    for (size_t b = 0; b < buckets; b++) {
        // n is at most SERIES_MAX_POINTS: the products fit
        size_t from = n * b / buckets, to = n * (b + 1) / buckets;
        pen_bucket(&pen, steps, values, from, to);
    }
    buf_add_text(out, "\"/>");
}

// The mean of the finite values around each point.
static void smooth(const double *values, size_t n, double *out) {
    size_t half = (size_t)((double)n * SMOOTH_PART);
    double sum = 0;
    size_t count = 0, from = 0, to = 0; // the window's sum is over [from, to)
    for (size_t i = 0; i < n; i++) {
        size_t want_from = i > half ? i - half : 0, want_to = i + half + 1 < n ? i + half + 1 : n;
        for (; to < want_to; to++)
            if (isfinite(values[to])) sum += values[to], count++;
        for (; from < want_from; from++)
            if (isfinite(values[from])) sum -= values[from], count--;
        out[i] = count > 0 ? sum / (double)count : NAN;
    }
}

void chart_write(Buf *out, const char *name, const double *steps, const double *values, size_t n) {
    Axis x = axis_of(steps, n, LEFT, RIGHT), y = axis_of(values, n, BOTTOM, TOP);
    buf_add_text(out, "<figure><figcaption><b>");
    html_escape(out, str_of(name));
    buf_add_text(out, "</b>");
    if (n > 0) {
        buf_add_text(out, " <span>");
        if (isnan(values[n - 1]))
            buf_add_text(out, "not a number");
        else
            buf_printf(out, "%.6g", values[n - 1]);
        buf_add_text(out, "</span>");
    }
    buf_printf(out, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\">", WIDTH, HEIGHT);
    write_ticks(out, &x, &y);
    bool smoothed = n >= SMOOTH_FROM;
    write_path(out, smoothed ? "raw" : "line", &x, &y, steps, values, n);
    if (smoothed) {
        double *means = mem_alloc(n, sizeof *means);
        smooth(values, n, means);
        write_path(out, "line", &x, &y, steps, means, n);
        mem_free(means);
    }
    buf_add_text(out, "</svg></figure>\n");
}
