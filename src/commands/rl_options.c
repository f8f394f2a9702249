#include "commands/rl_options.h"

#include <assert.h>
#include <stdio.h>

bool reward_settings_from_options(const Options *options, RewardSettings *settings, Error *error) {
    *settings = (RewardSettings){
        .without_entropy = !options_bool(options, "reward.teacher_entropy"),
        .clip_logp = options_real(options, "reward.clip_logp"),
        .clip_kl = options_real(options, "reward.clip_kl"),
        .missing_tag = options_real(options, "reward.missing_tag"),
        .empty_logp = options_real(options, "reward.empty_logp"),
        .empty_kl = options_real(options, "reward.empty_kl"),
    };
    bool known = normaliser_by_name(options_text(options, "reward.normalise_logp"), &settings->normalise_logp) &&
                 normaliser_by_name(options_text(options, "reward.normalise_kl"), &settings->normalise_kl) &&
                 kl_estimator_by_name(options_text(options, "reward.kl_estimator"), &settings->kl_estimator);
    assert(known); // the option tables list the same names
    (void)known;
    if (settings->without_entropy && settings->kl_estimator == KL_EXACT) {
        return error_set(error, "key reward.teacher_entropy: expected true with reward.kl_estimator=exact");
    }
    return reward_terms_parse(options_text(options, "reward.ss"), "reward.ss", settings->ss, &settings->n_ss, error) &&
           reward_terms_parse(options_text(options, "reward.kl"), "reward.kl", settings->kl, &settings->n_kl, error);
}

bool reward_sum_open(const Options *options, int64_t max_tokens, const DialogueFormat *format, bool is_teacher, RewardSum *sum,
                     Error *error) {
    const char *program = options_text(options, "reward.program");
    int64_t to = options_int(options, "reward.length_to");
    *sum = (RewardSum){
        .own_weight = options_real(options, "reward.weight"),
        .weights = {[ADDED_LENGTH] = options_real(options, "reward.length_weight"),
                    [ADDED_FORMAT] = options_real(options, "reward.format_weight"),
                    [ADDED_PROGRAM] = *program != 0 ? options_real(options, "reward.program_weight") : 0},
        .length_from = (int32_t)options_int(options, "reward.length_from"),
        .length_to = (int32_t)(to > 0 ? to : max_tokens),
        .format = format,
        .is_teacher = is_teacher,
    };
    if (sum->weights[ADDED_LENGTH] != 0 && sum->length_from >= sum->length_to) {
        return error_set(error, "key reward.length_to: expected more than reward.length_from (%d)", sum->length_from);
    }
    return sum->weights[ADDED_PROGRAM] == 0 ||
           reward_program_open(program, options_real(options, "reward.program_seconds"), &sum->program, error);
}

void reward_sum_close(RewardSum *sum) {
    reward_program_close(sum->program);
    sum->program = NULL;
}

void reward_sum_write(const RewardSum *sum, const double *added, JsonWriter *w) {
    for (int k = 0; k < N_ADDED_REWARDS; k++) {
        char key[32];
        if (sum->weights[k] == 0) continue;
        snprintf(key, sizeof key, "%s_reward", added_reward_name(k));
        jw_kf64(w, key, added[k]);
    }
}
