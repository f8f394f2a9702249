#include "engine/generate.h"

#include <assert.h>
#include <string.h>

#include "base/philox.h"

const char *finish_name(Finish finish) { return finish == FINISH_STOP ? "stop" : "length"; }

void completion_free(Completion *completion) {
    mem_free(completion->ids);
    mem_free(completion->logp);
    *completion = (Completion){0};
}

// ---- rows of the cache: first fit over a list of free intervals, sorted by start

typedef struct Interval {
    int32_t start, length;
} Interval;

typedef struct RowAllocator {
    Interval *free_list; // [cap]: taken intervals are at most cap - 1, so free ones never exceed cap
    int32_t n_free, cap;
} RowAllocator;

static int32_t rows_take(RowAllocator *rows, int32_t length) {
    for (int32_t i = 0; i < rows->n_free; i++) {
        Interval *interval = &rows->free_list[i];
        if (interval->length < length) continue;
        int32_t start = interval->start;
        interval->start += length;
        interval->length -= length;
        if (interval->length == 0) {
            memmove(interval, interval + 1, (size_t)(rows->n_free - i - 1) * sizeof *interval);
            rows->n_free--;
        }
        return start;
    }
    return -1;
}

static void rows_give_back(RowAllocator *rows, int32_t start, int32_t length) {
    int32_t i = 0;
    while (i < rows->n_free && rows->free_list[i].start < start) i++;
    bool joins_left = i > 0 && rows->free_list[i - 1].start + rows->free_list[i - 1].length == start;
    bool joins_right = i < rows->n_free && start + length == rows->free_list[i].start;
    if (joins_left && joins_right) {
        rows->free_list[i - 1].length += length + rows->free_list[i].length;
        memmove(&rows->free_list[i], &rows->free_list[i + 1], (size_t)(rows->n_free - i - 1) * sizeof(Interval));
        rows->n_free--;
    } else if (joins_left) {
        rows->free_list[i - 1].length += length;
    } else if (joins_right) {
        rows->free_list[i].start = start;
        rows->free_list[i].length += length;
    } else {
        assert(rows->n_free < rows->cap);
        memmove(&rows->free_list[i + 1], &rows->free_list[i], (size_t)(rows->n_free - i) * sizeof(Interval));
        rows->free_list[i] = (Interval){start, length};
        rows->n_free++;
    }
}

// ---- what is in flight

typedef struct Root { // a prompt with samples in flight
    int32_t prompt;
    int32_t kv_row, n_tokens; // n_tokens == prompt's n_ids - 1, may be 0: no segment then
    bool computed;
    uint32_t started, ended;  // samples
    int32_t segment;          // in this pass's forest, -1 for none
} Root;

typedef struct Slot { // a sample in flight
    int32_t root;             // index in roots
    uint32_t sample;          // 0 .. n_samples-1 of its prompt
    int32_t kv_row, kv_length;
    int32_t max_tokens;       // new tokens it may have
    Completion *completion;
} Slot;

typedef struct Generator {
    Model *model;
    Pass *pass;
    const GeneratePrompt *prompts;
    int32_t n_prompts;
    const GenerateSettings *settings;
    Completion *completions;
    int32_t *first_completion; // [n_prompts]
    int32_t max_context;
    GenerateCounts counts;
    KvCache *cache;
    int32_t n_kv; // rows of the cache
    RowAllocator rows;
    Root *roots;   // [max_slots], n_roots in use
    int32_t n_roots;
    Slot *slots;   // [max_slots], n_slots in use
    int32_t n_slots, max_slots;
    int32_t next_prompt; // the first that no root holds yet
    // one pass
    Segment *segments;
    int32_t *ids, *sample_rows, *out_ids;
    float *uniforms, *out_logp;
    int32_t cap_ids;
} Generator;

static int32_t min_i32(int32_t a, int32_t b) { return a < b ? a : b; }

static int32_t prompt_max_tokens(const Generator *g, int32_t prompt) {
    const GenerateSettings *s = g->settings;
    int32_t max_tokens = s->prompt_max_tokens != NULL ? min_i32(s->max_tokens, s->prompt_max_tokens[prompt]) : s->max_tokens;
    return min_i32(max_tokens, g->max_context - g->prompts[prompt].n_ids);
}

// A sample's rows: the prompt's last token, then every new token but the last, which is never fed back.
static int32_t sample_kv_rows(const Generator *g, int32_t prompt) { return prompt_max_tokens(g, prompt); }

static bool start_sample(Generator *g, int32_t root_index) {
    Root *root = &g->roots[root_index];
    const GeneratePrompt *prompt = &g->prompts[root->prompt];
    int32_t length = sample_kv_rows(g, root->prompt);
    int32_t kv_row = rows_take(&g->rows, length);
    if (kv_row < 0) return false;
    uint32_t sample = root->started++;
    Completion *completion = &g->completions[g->first_completion[root->prompt] + (int32_t)sample];
    int32_t max_tokens = prompt_max_tokens(g, root->prompt);
    completion->ids = mem_alloc((size_t)max_tokens, sizeof *completion->ids);
    completion->logp = mem_alloc((size_t)max_tokens, sizeof *completion->logp);
    completion->n = 0;
    g->slots[g->n_slots++] = (Slot){root_index, prompt->first_sample + sample, kv_row, length, max_tokens, completion};
    return true;
}

static bool start_root(Generator *g) {
    const GeneratePrompt *prompt = &g->prompts[g->next_prompt];
    int32_t n_tokens = prompt->n_ids - 1;
    int32_t kv_row = n_tokens > 0 ? rows_take(&g->rows, n_tokens) : 0;
    if (kv_row < 0) return false;
    g->roots[g->n_roots] = (Root){.prompt = g->next_prompt, .kv_row = kv_row, .n_tokens = n_tokens, .segment = -1};
    if (!start_sample(g, g->n_roots)) {
        if (n_tokens > 0) rows_give_back(&g->rows, kv_row, n_tokens);
        return false;
    }
    g->n_roots++;
    g->next_prompt++;
    return true;
}

// Fills free slots: first with samples of prompts that are in the cache, then with the next prompts.
static void admit(Generator *g) {
    for (int32_t r = 0; r < g->n_roots; r++) {
        while (g->n_slots < g->max_slots && g->roots[r].started < g->prompts[g->roots[r].prompt].n_samples) {
            if (!start_sample(g, r)) return;
        }
    }
    while (g->n_slots < g->max_slots && g->n_roots < g->max_slots && g->next_prompt < g->n_prompts) {
        if (g->prompts[g->next_prompt].n_samples == 0) {
            g->next_prompt++;
            continue;
        }
        if (!start_root(g)) return;
        int32_t r = g->n_roots - 1;
        while (g->n_slots < g->max_slots && g->roots[r].started < g->prompts[g->roots[r].prompt].n_samples) {
            if (!start_sample(g, r)) return;
        }
    }
}

static void reserve_ids(Generator *g, int32_t n) {
    if (n <= g->cap_ids) return;
    g->cap_ids = n + n / 2;
    g->ids = mem_realloc(g->ids, (size_t)g->cap_ids, sizeof *g->ids);
}

// One pass: prompts that are new are computed whole; every sample in flight gets one token.
static void run_pass(Generator *g) {
    int32_t n_segments = 0, n_rows = 0;
    for (int32_t r = 0; r < g->n_roots; r++) {
        Root *root = &g->roots[r];
        root->segment = -1;
        if (root->n_tokens == 0) continue;
        int32_t n_new = root->computed ? 0 : root->n_tokens;
        root->segment = n_segments;
        g->segments[n_segments++] = (Segment){-1, 0, root->n_tokens, n_new, n_rows, root->kv_row};
        reserve_ids(g, n_rows + n_new);
        if (n_new > 0) memcpy(g->ids + n_rows, g->prompts[root->prompt].ids, (size_t)n_new * sizeof *g->ids);
        n_rows += n_new;
        g->counts.tokens_naive += n_new;
    }
    reserve_ids(g, n_rows + g->n_slots);
    for (int32_t s = 0; s < g->n_slots; s++) {
        Slot *slot = &g->slots[s];
        const Root *root = &g->roots[slot->root];
        const GeneratePrompt *prompt = &g->prompts[root->prompt];
        int32_t n = slot->completion->n;
        g->segments[n_segments++] = (Segment){root->segment, root->n_tokens, n + 1, 1, n_rows, slot->kv_row};
        g->ids[n_rows] = n == 0 ? prompt->ids[prompt->n_ids - 1] : slot->completion->ids[n - 1];
        g->sample_rows[s] = n_rows++;
        RngAddress address = {g->settings->seed, RNG_SAMPLE, g->settings->step, prompt->question, slot->sample, (uint32_t)n};
        g->uniforms[s] = rng_uniform(&address);
        // one sequence at a time would compute the whole prompt again for every sample but the first
        g->counts.tokens_naive += 1 + (n == 0 && slot->sample != prompt->first_sample ? root->n_tokens : 0);
    }
    Forest forest = {g->segments, n_segments, n_rows, g->n_kv};
    model_decode(g->model, g->pass, g->cache, &forest, g->ids, g->sample_rows, g->n_slots, &g->settings->sampling, g->uniforms,
                 g->out_ids, g->out_logp);
    for (int32_t r = 0; r < g->n_roots; r++) g->roots[r].computed = true;
    g->counts.tokens_computed += n_rows;
    g->counts.tokens_sampled += g->n_slots;
    g->counts.passes++;
}

static bool is_stop(const GenerateSettings *settings, const Completion *c) {
    int32_t id = c->ids[c->n - 1];
    for (int32_t i = 0; i < settings->n_stop_ids; i++) {
        if (settings->stop_ids[i] == id) return true;
    }
    return settings->stop != NULL && settings->stop(settings->stop_context, c->ids, c->n);
}

// Takes the tokens of the pass; ended samples give their rows back, and their prompts when they were the last.
static void take_tokens(Generator *g) {
    int32_t kept = 0;
    for (int32_t s = 0; s < g->n_slots; s++) {
        Slot *slot = &g->slots[s];
        Completion *c = slot->completion;
        c->ids[c->n] = g->out_ids[s];
        c->logp[c->n] = g->out_logp[s];
        c->n++;
        bool stopped = is_stop(g->settings, c);
        if (!stopped && c->n < slot->max_tokens) {
            g->slots[kept++] = *slot;
            continue;
        }
        c->finish = stopped ? FINISH_STOP : FINISH_LENGTH;
        rows_give_back(&g->rows, slot->kv_row, slot->kv_length);
        g->roots[slot->root].ended++;
    }
    g->n_slots = kept;
}

static void drop_ended_roots(Generator *g) {
    int32_t kept = 0;
    for (int32_t r = 0; r < g->n_roots; r++) {
        Root root = g->roots[r];
        if (root.ended == g->prompts[root.prompt].n_samples) {
            if (root.n_tokens > 0) rows_give_back(&g->rows, root.kv_row, root.n_tokens);
            if (g->settings->done != NULL) g->settings->done(g->settings->done_context, root.prompt);
            continue;
        }
        for (int32_t s = 0; s < g->n_slots; s++) {
            if (g->slots[s].root == r) g->slots[s].root = kept;
        }
        g->roots[kept++] = root;
    }
    g->n_roots = kept;
}

static void generator_free(Generator *g) {
    kv_cache_destroy(g->cache);
    mem_free(g->first_completion);
    mem_free(g->rows.free_list);
    mem_free(g->roots);
    mem_free(g->slots);
    mem_free(g->segments);
    mem_free(g->ids);
    mem_free(g->sample_rows);
    mem_free(g->out_ids);
    mem_free(g->uniforms);
    mem_free(g->out_logp);
}

static bool generator_init(Generator *g, Error *error) {
    const GenerateSettings *settings = g->settings;
    assert(settings->max_tokens >= 1 && settings->max_slots >= 1);
    int32_t limit = model_config(g->model)->max_positions;
    g->max_context = settings->max_context > 0 ? min_i32(settings->max_context, limit) : limit;
    int64_t total_rows = 0;
    int32_t largest = 0, n_samples = 0;
    for (int32_t p = 0; p < g->n_prompts; p++) {
        const GeneratePrompt *prompt = &g->prompts[p];
        if (prompt->n_ids < 1) return error_set(error, "prompt %d: no tokens", p);
        if (prompt->n_ids >= g->max_context) {
            return error_set(error, "prompt %d: %d tokens leave no room for a new one in a context of %d", p, prompt->n_ids,
                             g->max_context);
        }
        int32_t need = prompt->n_ids - 1 + sample_kv_rows(g, p);
        if (need > largest) largest = need;
        total_rows += prompt->n_ids - 1 + (int64_t)prompt->n_samples * sample_kv_rows(g, p);
        n_samples += (int32_t)prompt->n_samples;
    }
    g->max_slots = min_i32(settings->max_slots, n_samples > 0 ? n_samples : 1);
    // by default every slot can hold the largest prompt and sample; less than one sample's rows would never end
    int64_t rows = settings->cache_rows > 0 ? settings->cache_rows : (int64_t)g->max_slots * largest;
    if (rows < largest) rows = largest;
    if (rows > total_rows) rows = total_rows;
    if (rows > INT32_MAX) rows = INT32_MAX;
    if (rows < 1) rows = 1;
    g->n_kv = (int32_t)rows;
    g->cache = kv_cache_create(g->model, g->n_kv);
    size_t slots = (size_t)g->max_slots;
    g->rows.cap = 2 * g->max_slots + 2;
    g->rows.free_list = mem_alloc((size_t)g->rows.cap, sizeof(Interval));
    g->rows.free_list[0] = (Interval){0, (int32_t)rows};
    g->rows.n_free = 1;
    g->roots = mem_alloc(slots, sizeof *g->roots);
    g->slots = mem_alloc(slots, sizeof *g->slots);
    g->segments = mem_alloc(2 * slots, sizeof *g->segments);
    g->sample_rows = mem_alloc(slots, sizeof *g->sample_rows);
    g->out_ids = mem_alloc(slots, sizeof *g->out_ids);
    g->uniforms = mem_alloc(slots, sizeof *g->uniforms);
    g->out_logp = mem_alloc(slots, sizeof *g->out_logp);
    g->first_completion = mem_alloc((size_t)g->n_prompts + 1, sizeof *g->first_completion);
    for (int32_t p = 0; p < g->n_prompts; p++) {
        g->first_completion[p + 1] = g->first_completion[p] + (int32_t)g->prompts[p].n_samples;
    }
    memset(g->completions, 0, (size_t)n_samples * sizeof *g->completions);
    return true;
}

bool generate(Model *model, Pass *pass, const GeneratePrompt *prompts, int32_t n_prompts, const GenerateSettings *settings,
              Completion *completions, GenerateCounts *counts, Error *error) {
    Generator g = {.model = model, .pass = pass, .prompts = prompts, .n_prompts = n_prompts, .settings = settings,
                   .completions = completions};
    bool ok = generator_init(&g, error);
    uint64_t ended = 0;
    while (ok) {
        admit(&g);
        if (g.n_slots == 0) break;
        int32_t in_flight = g.n_slots;
        run_pass(&g);
        take_tokens(&g);
        ended += (uint64_t)(in_flight - g.n_slots);
        drop_ended_roots(&g);
        if (settings->progress != NULL) progress_update(settings->progress, ended, NULL);
    }
    if (counts != NULL) *counts = g.counts;
    generator_free(&g);
    return ok;
}
