#include "commands/rl_options.h"

#include <assert.h>

bool reward_settings_from_options(const Options *options, RewardSettings *settings, Error *error) {
    *settings = (RewardSettings){
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
    return reward_terms_parse(options_text(options, "reward.ss"), "reward.ss", settings->ss, &settings->n_ss, error) &&
           reward_terms_parse(options_text(options, "reward.kl"), "reward.kl", settings->kl, &settings->n_kl, error);
}
