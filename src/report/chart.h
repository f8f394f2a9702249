// A line chart of one series as an inline SVG figure, styled by the page's classes; no scripts, no outside resources.
#ifndef RLT_REPORT_CHART_H
#define RLT_REPORT_CHART_H

#include "base/buf.h"

#define CHART_MAX_POINTS 400 // drawn; longer series are drawn as each bucket's least and greatest values

// Appends <figure>: the name, the last value, axes with round ticks, the line with gaps where values are not finite,
// and a smoothed line over long series. steps[n] do not decrease; n may be 0.
void chart_write(Buf *out, const char *name, const double *steps, const double *values, size_t n);

// Text for HTML, escaped for elements and quoted attributes: & < > " ' as entities, invalid UTF-8 and control
// characters but tab and newline as U+FFFD.
void html_escape(Buf *out, Str text);

#endif
