#include "engine/generate.h"

#include <assert.h>
#include <string.h>

#include "base/philox.h"
#include "engine/draft.h"
#include "engine/kv_rows.h"

// What all prompts begin with is shared when it is at least so long.
#define TRUNK_MIN 16
// Tokens whose arithmetic takes as long as reading the weights once: below it a pass costs nearly the same whatever it holds.
// Measured on CPUs (docs/log.md); it decides how much is guessed ahead, never what is sampled.
#define FREE_ROWS 4

const char *finish_name(Finish finish) { return finish == FINISH_STOP ? "stop" : "length"; }

void completion_free(Completion *completion) {
    mem_free(completion->ids);
    mem_free(completion->logp);
    *completion = (Completion){0};
}

// ---- what is in flight

typedef struct Root { // a prompt with samples in flight
    int32_t prompt;
    int32_t kv_row, n_tokens; // between the trunk and the prompt's last token, may be none: no segment then
    bool computed;
    int32_t claim;            // as a slot's
    uint32_t started, ended;  // samples
    int32_t segment;          // in this pass's forest that its samples go on from, -1 for none
    DraftTable *said;         // the prompt and what its samples have said; NULL without speculation
} Root;

typedef struct Slot { // a sample in flight
    int32_t root;             // index in roots
    uint32_t sample;          // 0 .. n_samples-1 of its prompt
    int32_t kv_row, kv_length;
    int32_t max_tokens;       // new tokens it may have
    int32_t claim;            // rows that it may still add to the tape; 0: it is not recorded
    Completion *completion;
    DraftContext context;
    int32_t sampled;          // its first place in this pass's outputs: one after its last token, then after each guess
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
    Arena *memory; // of all below, and of the completions' arrays where it is the caller's
    GenerateCounts counts;
    KvCache *cache;
    int32_t n_kv; // rows of the cache
    KvRows rows;
    int32_t n_trunk; // tokens that all prompts begin with, in the cache's first rows
    bool trunk_computed;
    Root *roots;   // [max_slots], n_roots in use
    int32_t n_roots;
    Slot *slots;   // [max_slots], n_slots in use
    int32_t n_slots, max_slots;
    int32_t next_prompt; // the first that no root holds yet
    // speculation
    DraftTable *all_said; // by samples of all prompts
    DraftTable **spare;   // [max_slots], n_spare of them: of prompts that have ended, for the next ones
    int32_t n_spare;
    int64_t table_tokens; // the most that a prompt and its samples have
    DraftOdds odds;
    Draft *drafts;           // [max_slots]
    DraftToken *draft_tokens; // scratch
    // one pass
    Segment *segments;
    int32_t *ids, *sample_rows, *out_ids;
    int32_t *record_rows; // of the pass, to go onto the tape
    int32_t **record_places; // where each one's place on it is written
    int32_t n_record;
    int32_t claimed;      // by all that is in flight
    int32_t trunk_claim;
    float *uniforms, *out_logp;
    int32_t cap_ids; // of ids
} Generator;

static int32_t min_i32(int32_t a, int32_t b) { return a < b ? a : b; }

static int32_t prompt_max_tokens(const Generator *g, int32_t prompt) {
    const GenerateSettings *s = g->settings;
    int32_t max_tokens = s->prompt_max_tokens != NULL ? min_i32(s->max_tokens, s->prompt_max_tokens[prompt]) : s->max_tokens;
    return min_i32(max_tokens, g->max_context - g->prompts[prompt].n_ids);
}

// A sample's rows: the prompt's last token, then every new token but the last, which is never fed back.
static int32_t sample_kv_rows(const Generator *g, int32_t prompt) { return prompt_max_tokens(g, prompt); }

// The tokens that a prompt's own segment holds.
static int32_t root_tokens(const Generator *g, int32_t prompt) { return g->prompts[prompt].n_ids - 1 - g->n_trunk; }

static DraftContext context_of(const int32_t *ids, int32_t n) {
    DraftContext context = {0};
    for (int32_t i = n > DRAFT_CONTEXT ? n - DRAFT_CONTEXT : 0; i < n; i++) draft_context_push(&context, ids[i]);
    return context;
}

static void *take(Generator *g, size_t n, size_t size) { return arena_alloc(g->memory, n, size); }

// What outlives the call: in the caller's memory, or on its own.
static void *take_to_keep(Generator *g, size_t n, size_t size) {
    return g->settings->memory != NULL ? take(g, n, size) : mem_alloc(n, size);
}

// ---- the tape

static bool is_recorded(const Generator *g) { return g->settings->tape != NULL; }

#define GUESSED_SHARE 16 // one row in so many is of a guess that does not come true

// Rows of a tape for a sample's n.
static int32_t rows_with_guesses(int32_t n, bool speculate) { return speculate ? n + n / GUESSED_SHARE + 1 : n; }

int64_t generate_tape_rows(const GenerateSize *z) {
    return z->prompts * (z->prompt + (int64_t)z->samples * rows_with_guesses(z->max_tokens, z->speculate));
}

// What is in flight is recorded when the tape has room for all of it from its beginning; returns n, or 0.
static int32_t claim_rows(Generator *g, int32_t n) {
    if (!is_recorded(g) || tape_rows_left(g->settings->tape->tape) - g->claimed < n) return 0;
    g->claimed += n;
    return n;
}

static void give_up_rows(Generator *g, int32_t *claim, int32_t n) {
    n = min_i32(n, *claim);
    *claim -= n;
    g->claimed -= n;
}

static void record_row(Generator *g, int32_t row, int32_t *place) {
    g->record_rows[g->n_record] = row;
    g->record_places[g->n_record++] = place;
}

// The n rows from `row` on: a prompt's tokens from `from` on.
static void record_root(Generator *g, int32_t *claim, int32_t prompt, int32_t from, int32_t n, int32_t row) {
    if (*claim == 0) return;
    for (int32_t t = 0; t < n; t++) record_row(g, row + t, &g->settings->tape->prompts[prompt][from + t]);
    give_up_rows(g, claim, n);
}

// The n rows from `row` on: a sample's last token (at first the prompt's), and guesses.
static void record_sample(Generator *g, const Slot *slot, int32_t n, int32_t row) {
    if (slot->claim == 0) return;
    const GenerateTape *tape = g->settings->tape;
    int32_t prompt = g->roots[slot->root].prompt, *places = tape->samples[slot->completion - g->completions];
    for (int32_t i = 0, token = slot->completion->n - 1; i < n; i++, token++) {
        record_row(g, row + i, token < 0 ? &tape->prompts[prompt][g->prompts[prompt].n_ids - 1] : &places[token]);
    }
}

// Asks the coming pass to record what has been gathered, and notes where it will be, or that it will be nowhere: a place may
// still be that of a wrong guess.
static void record_pass(Generator *g) {
    if (!is_recorded(g)) return;
    int32_t place = pass_record(g->pass, g->settings->tape->tape, g->record_rows, g->n_record);
    for (int32_t i = 0; i < g->n_record; i++) *g->record_places[i] = place < 0 ? -1 : place + i;
    g->n_record = 0;
}

// What all prompts begin with was recorded as the first one's.
static void share_trunk_places(Generator *g) {
    if (!is_recorded(g)) return;
    int32_t **prompts = g->settings->tape->prompts;
    for (int32_t p = 1; p < g->n_prompts; p++) memcpy(prompts[p], prompts[0], (size_t)g->n_trunk * sizeof *prompts[p]);
}

static bool start_sample(Generator *g, int32_t root_index) {
    Root *root = &g->roots[root_index];
    const GeneratePrompt *prompt = &g->prompts[root->prompt];
    int32_t length = sample_kv_rows(g, root->prompt);
    int32_t kv_row = kv_rows_take(&g->rows, length);
    if (kv_row < 0) return false;
    uint32_t sample = root->started++;
    Completion *completion = &g->completions[g->first_completion[root->prompt] + (int32_t)sample];
    int32_t max_tokens = prompt_max_tokens(g, root->prompt);
    completion->ids = take_to_keep(g, (size_t)max_tokens, sizeof *completion->ids);
    completion->logp = take_to_keep(g, (size_t)max_tokens, sizeof *completion->logp);
    completion->n = 0;
    g->slots[g->n_slots++] = (Slot){.root = root_index,
                                    .sample = prompt->first_sample + sample,
                                    .kv_row = kv_row,
                                    .kv_length = length,
                                    .max_tokens = max_tokens,
                                    .claim = claim_rows(g, rows_with_guesses(max_tokens, g->settings->speculate)),
                                    .completion = completion,
                                    .context = context_of(prompt->ids, prompt->n_ids)};
    return true;
}

static DraftTable *table_of_prompt(Generator *g, const GeneratePrompt *prompt) {
    DraftTable *table = g->n_spare > 0 ? g->spare[--g->n_spare] : draft_table_create(g->memory, g->table_tokens);
    DraftContext context = {0};
    for (int32_t i = 0; i < prompt->n_ids; i++) {
        draft_table_add(table, &context, prompt->ids[i]);
        draft_context_push(&context, prompt->ids[i]);
    }
    return table;
}

static bool start_root(Generator *g) {
    const GeneratePrompt *prompt = &g->prompts[g->next_prompt];
    int32_t n_tokens = root_tokens(g, g->next_prompt);
    int32_t kv_row = n_tokens > 0 ? kv_rows_take(&g->rows, n_tokens) : 0;
    if (kv_row < 0) return false;
    Root *root = &g->roots[g->n_roots];
    *root = (Root){.prompt = g->next_prompt, .kv_row = kv_row, .n_tokens = n_tokens, .segment = -1};
    root->claim = claim_rows(g, n_tokens);
    if (!start_sample(g, g->n_roots)) {
        give_up_rows(g, &root->claim, root->claim);
        if (n_tokens > 0) kv_rows_give_back(&g->rows, kv_row, n_tokens);
        return false;
    }
    if (g->settings->speculate) root->said = table_of_prompt(g, prompt);
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

// Guesses of what comes after each sample's last token, as many as the pass pays for.
static void make_drafts(Generator *g) {
    if (!g->settings->speculate) return;
    float least = (float)g->n_slots / (float)(FREE_ROWS + g->n_slots); // what draft_cut asks for at least
    for (int32_t s = 0; s < g->n_slots; s++) {
        const Slot *slot = &g->slots[s];
        DraftTable *const tables[DRAFT_TABLES] = {g->roots[slot->root].said, g->all_said};
        // the last token that a sample may have is never fed back, so it is never a guess either
        draft_make(tables, &g->odds, slot->context, slot->max_tokens - slot->completion->n - 1, least, &g->drafts[s]);
    }
    draft_cut(g->drafts, g->n_slots, FREE_ROWS, g->draft_tokens);
}

// A segment below `parent` whose last tokens ids[n_new] are new; returns its index.
static int32_t add_segment(Generator *g, Forest *forest, int32_t parent, int32_t n_tokens, int32_t kv_row, const int32_t *ids,
                           int32_t n_new) {
    int32_t position = parent < 0 ? 0 : g->segments[parent].position + g->segments[parent].n_tokens;
    g->segments[forest->n_segments] = (Segment){parent, position, n_tokens, n_new, forest->n_rows, kv_row};
    assert(forest->n_rows + n_new <= g->cap_ids);
    if (n_new > 0) memcpy(g->ids + forest->n_rows, ids, (size_t)n_new * sizeof *ids);
    forest->n_rows += n_new;
    return forest->n_segments++;
}

// The trunk and the prompts in flight; what is new of them is computed whole.
static void add_roots(Generator *g, Forest *forest) {
    int32_t trunk = -1;
    if (g->n_trunk > 0) {
        if (!g->trunk_computed) record_root(g, &g->trunk_claim, 0, 0, g->n_trunk, forest->n_rows);
        trunk = add_segment(g, forest, -1, g->n_trunk, 0, g->prompts[0].ids, g->trunk_computed ? 0 : g->n_trunk);
        g->trunk_computed = true;
    }
    for (int32_t r = 0; r < g->n_roots; r++) {
        Root *root = &g->roots[r];
        root->segment = trunk;
        if (!root->computed) {
            g->counts.tokens_naive += g->n_trunk + root->n_tokens;
            record_root(g, &root->claim, root->prompt, g->n_trunk, root->n_tokens, forest->n_rows);
        }
        if (root->n_tokens > 0) {
            root->segment = add_segment(g, forest, trunk, root->n_tokens, root->kv_row, g->prompts[root->prompt].ids + g->n_trunk,
                                        root->computed ? 0 : root->n_tokens);
        }
        root->computed = true;
    }
}

// A sample's last token and the guesses after it; asks for the token after each of them. Returns how many.
static int32_t add_sample(Generator *g, Forest *forest, Slot *slot, const Draft *draft, int32_t n_sampled) {
    const Root *root = &g->roots[slot->root];
    const GeneratePrompt *prompt = &g->prompts[root->prompt];
    int32_t n = slot->completion->n, ids[1 + DRAFT_MAX], n_new = 1 + draft->n, row = forest->n_rows;
    ids[0] = n == 0 ? prompt->ids[prompt->n_ids - 1] : slot->completion->ids[n - 1];
    memcpy(ids + 1, draft->ids, (size_t)draft->n * sizeof *ids);
    add_segment(g, forest, root->segment, n + n_new, slot->kv_row, ids, n_new);
    record_sample(g, slot, n_new, row);
    slot->sampled = n_sampled;
    for (int32_t i = 0; i < n_new; i++) {
        RngAddress address = {g->settings->seed, RNG_SAMPLE,   g->settings->step,
                              prompt->question,  slot->sample, (uint32_t)(n + i)};
        g->uniforms[n_sampled + i] = rng_uniform(&address);
        g->sample_rows[n_sampled + i] = row + i;
    }
    // one sequence at a time would compute the whole prompt again for every sample but the first
    if (n == 0 && slot->sample != prompt->first_sample) g->counts.tokens_naive += prompt->n_ids - 1;
    return n_new;
}

// One pass: prompts that are new are computed whole; every sample in flight gets at least one token.
static void run_pass(Generator *g) {
    Forest forest = {.segments = g->segments, .n_kv = g->n_kv};
    int32_t n_sampled = 0;
    make_drafts(g);
    add_roots(g, &forest);
    g->counts.tokens_computed += forest.n_rows;
    for (int32_t s = 0; s < g->n_slots; s++) n_sampled += add_sample(g, &forest, &g->slots[s], &g->drafts[s], n_sampled);
    record_pass(g);
    model_decode(g->model, g->pass, g->cache, &forest, g->ids, g->sample_rows, n_sampled, &g->settings->sampling, g->uniforms,
                 g->out_ids, g->out_logp);
    g->counts.passes++;
}

static bool is_stop(const GenerateSettings *settings, const Completion *c) {
    int32_t id = c->ids[c->n - 1];
    for (int32_t i = 0; i < settings->n_stop_ids; i++) {
        if (settings->stop_ids[i] == id) return true;
    }
    return settings->stop != NULL && settings->stop(settings->stop_context, c->ids, c->n);
}

// Takes a sample's tokens as long as the guesses hold, up to its end; returns whether it has ended.
static bool take_sample(Generator *g, Slot *slot, const Draft *draft) {
    Completion *c = slot->completion;
    DraftTable *const tables[DRAFT_TABLES] = {g->roots[slot->root].said, g->all_said};
    bool stopped = false, ended = false, held = true;
    int32_t taken = 0;
    for (; held && !ended; taken++) {
        int32_t id = g->out_ids[slot->sampled + taken];
        c->ids[c->n] = id;
        c->logp[c->n] = g->out_logp[slot->sampled + taken];
        c->n++;
        if (g->settings->speculate) draft_observe(tables, &g->odds, &slot->context, id);
        stopped = is_stop(g->settings, c);
        ended = stopped || c->n == slot->max_tokens;
        held = taken < draft->n && draft->ids[taken] == id;
    }
    c->finish = stopped ? FINISH_STOP : FINISH_LENGTH;
    if (slot->claim > 0) { // one that goes on keeps a claim
        give_up_rows(g, &slot->claim, ended ? slot->claim : min_i32(1 + draft->n, slot->claim - 1));
    }
    g->counts.tokens_sampled += taken;
    g->counts.tokens_computed += taken;
    g->counts.tokens_naive += taken;
    g->counts.tokens_drafted += draft->n;
    g->counts.tokens_accepted += taken - 1;
    return ended;
}

// Takes the tokens of the pass; ended samples give their rows back, and their prompts when they were the last.
static void take_tokens(Generator *g) {
    int32_t kept = 0;
    for (int32_t s = 0; s < g->n_slots; s++) {
        Slot *slot = &g->slots[s];
        if (!take_sample(g, slot, &g->drafts[s])) {
            g->slots[kept++] = *slot;
            continue;
        }
        kv_rows_give_back(&g->rows, slot->kv_row, slot->kv_length);
        g->roots[slot->root].ended++;
    }
    g->n_slots = kept;
}

static void drop_ended_roots(Generator *g) {
    int32_t kept = 0;
    for (int32_t r = 0; r < g->n_roots; r++) {
        Root root = g->roots[r];
        if (root.ended == g->prompts[root.prompt].n_samples) {
            if (root.n_tokens > 0) kv_rows_give_back(&g->rows, root.kv_row, root.n_tokens);
            if (root.said != NULL) draft_table_clear(root.said), g->spare[g->n_spare++] = root.said;
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
    if (g->cache != g->settings->cache) kv_cache_destroy(g->cache);
    if (g->memory != g->settings->memory) arena_destroy(g->memory);
}

static bool check_prompts(const Generator *g, Error *error) {
    for (int32_t p = 0; p < g->n_prompts; p++) {
        if (g->prompts[p].n_ids < 1) return error_set(error, "prompt %d: no tokens", p);
        if (g->prompts[p].n_ids >= g->max_context) {
            return error_set(error, "prompt %d: %d tokens leave no room for a new one in a context of %d", p, g->prompts[p].n_ids,
                             g->max_context);
        }
    }
    return true;
}

// Tokens that all prompts begin with, each prompt's last left out; 0 where that is not worth a segment of its own.
static int32_t common_trunk(const GeneratePrompt *prompts, int32_t n) {
    int32_t trunk = n > 1 ? prompts[0].n_ids - 1 : 0;
    for (int32_t p = 1; p < n; p++) {
        int32_t same = 0, most = min_i32(trunk, prompts[p].n_ids - 1);
        while (same < most && prompts[p].ids[same] == prompts[0].ids[same]) same++;
        trunk = same;
    }
    return trunk >= TRUNK_MIN ? trunk : 0;
}

static void make_cache(Generator *g) {
    int64_t total_rows = 0;
    int32_t largest = 0, n_samples = 0;
    for (int32_t p = 0; p < g->n_prompts; p++) {
        int32_t root = root_tokens(g, p), sample = sample_kv_rows(g, p);
        if (root + sample > largest) largest = root + sample;
        total_rows += root + (int64_t)g->prompts[p].n_samples * sample;
        n_samples += (int32_t)g->prompts[p].n_samples;
    }
    g->max_slots = min_i32(g->settings->max_slots, n_samples > 0 ? n_samples : 1);
    // by default every slot can hold the largest prompt and sample; less than one sample's rows would never end
    int64_t rows = g->settings->cache_rows > 0 ? g->settings->cache_rows - (int64_t)g->n_trunk : (int64_t)g->max_slots * largest;
    if (rows < largest) rows = largest;
    if (rows > total_rows) rows = total_rows;
    if (rows > INT32_MAX - g->n_trunk) rows = INT32_MAX - g->n_trunk;
    if (rows < 1) rows = 1;
    g->n_kv = g->n_trunk + (int32_t)rows;
    KvCache *given = g->settings->cache;
    g->cache = given != NULL && kv_cache_rows(given) >= g->n_kv ? given : kv_cache_create(g->model, g->n_kv);
    g->n_kv = kv_cache_rows(g->cache);
    kv_rows_init(&g->rows, g->memory, g->n_trunk, (int32_t)rows, 2 * g->max_slots);
    memset(g->completions, 0, (size_t)n_samples * sizeof *g->completions);
}

// Room for the ids of a pass: every slot's token and guesses, and the prompts that may be new in it.
static int32_t most_ids(const Generator *g, int64_t sampled) {
    int64_t prompts = g->n_trunk;
    for (int32_t p = 0; p < g->n_prompts; p++) prompts += root_tokens(g, p);
    int64_t cached = g->n_kv; // new prompts lie in the cache
    return (int32_t)((prompts < cached ? prompts : cached) + sampled);
}

static void make_workspace(Generator *g) {
    size_t slots = (size_t)g->max_slots, sampled = slots * (g->settings->speculate ? 1 + DRAFT_MAX : 1);
    g->roots = take(g, slots, sizeof *g->roots);
    g->slots = take(g, slots, sizeof *g->slots);
    g->segments = take(g, 2 * slots + 1, sizeof *g->segments);
    g->cap_ids = most_ids(g, (int64_t)sampled);
    g->ids = take(g, (size_t)g->cap_ids, sizeof *g->ids);
    if (is_recorded(g)) {
        g->record_rows = take(g, (size_t)g->cap_ids, sizeof *g->record_rows);
        g->record_places = take(g, (size_t)g->cap_ids, sizeof *g->record_places);
        g->trunk_claim = claim_rows(g, g->n_trunk);
    }
    g->sample_rows = take(g, sampled, sizeof *g->sample_rows);
    g->out_ids = take(g, sampled, sizeof *g->out_ids);
    g->uniforms = take(g, sampled, sizeof *g->uniforms);
    g->out_logp = take(g, sampled, sizeof *g->out_logp);
    g->drafts = take(g, slots, sizeof *g->drafts);
    g->first_completion = take(g, (size_t)g->n_prompts + 1, sizeof *g->first_completion);
    int64_t tokens = 0;
    for (int32_t p = 0; p < g->n_prompts; p++) {
        int64_t said = (int64_t)g->prompts[p].n_samples * prompt_max_tokens(g, p), all = g->prompts[p].n_ids + said;
        g->first_completion[p + 1] = g->first_completion[p] + (int32_t)g->prompts[p].n_samples;
        g->table_tokens = all > g->table_tokens ? all : g->table_tokens;
        tokens += said;
    }
    if (!g->settings->speculate) return;
    g->draft_tokens = take(g, slots * DRAFT_MAX, sizeof *g->draft_tokens);
    g->spare = take(g, slots, sizeof *g->spare);
    if (g->n_prompts > 1) g->all_said = draft_table_create(g->memory, tokens);
    draft_odds_init(&g->odds);
}

#define GENERATE_ARRAYS 12 // each with what the arena adds to it

size_t generate_bytes(const GenerateSize *z) {
    int64_t n_samples = (int64_t)z->prompts * z->samples;
    size_t slots = (size_t)(z->slots < n_samples ? z->slots : n_samples), sampled = slots * (z->speculate ? 1 + DRAFT_MAX : 1);
    size_t prompt = (size_t)z->prompts * (size_t)z->prompt;
    size_t bytes = slots * (sizeof(Root) + sizeof(Slot) + 2 * sizeof(Segment) + sizeof(Draft) + sizeof(KvInterval) * 2) +
                   sizeof(Segment) + 2 * sizeof(KvInterval) + (prompt + sampled) * sizeof(int32_t) +
                   sampled * (2 * sizeof(int32_t) + 2 * sizeof(float)) + ((size_t)z->prompts + 1) * sizeof(int32_t) +
                   GENERATE_ARRAYS * ARENA_ALIGN;
    bytes += (size_t)n_samples * ((size_t)z->max_tokens * (sizeof(int32_t) + sizeof(float)) + 2 * ARENA_ALIGN);
    if (z->record) bytes += (prompt + sampled) * (sizeof(int32_t) + sizeof(int32_t *)) + 2 * ARENA_ALIGN;
    if (!z->speculate) return bytes;
    size_t tables = slots < (size_t)z->prompts ? slots : (size_t)z->prompts;
    return bytes + slots * (DRAFT_MAX * sizeof(DraftToken) + sizeof(DraftTable *)) + 2 * ARENA_ALIGN +
           tables * draft_table_bytes(z->prompt + (int64_t)z->samples * z->max_tokens) + draft_table_bytes(n_samples * z->max_tokens);
}

static bool generator_init(Generator *g, Error *error) {
    const GenerateSettings *settings = g->settings;
    assert(settings->max_tokens >= 1 && settings->max_slots >= 1);
    int32_t limit = model_config(g->model)->max_positions;
    g->max_context = settings->max_context > 0 ? min_i32(settings->max_context, limit) : limit;
    if (!check_prompts(g, error)) return false;
    g->memory = settings->memory != NULL ? settings->memory : arena_create();
    g->n_trunk = common_trunk(g->prompts, g->n_prompts);
    make_cache(g);
    make_workspace(g);
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
    share_trunk_places(&g);
    if (counts != NULL) *counts = g.counts;
    generator_free(&g);
    return ok;
}
