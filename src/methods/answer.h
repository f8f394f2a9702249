// Answers of a model to questions, several a question, with budgets for thoughts: a thought that reaches its limit is
// closed by force and the answer begun; one that closes too early is gone on with ("budget forcing", Muennighoff et al.
// 2025, arXiv 2501.19393).
//
// Works in rounds of engine/generate.h: in each, every answer that has not ended goes on. An answer's draws are
// addressed by its round, question, sample and position in the round, so it depends on nothing but its own text:
// neither on slots, threads and order, nor on which other questions are asked.
#ifndef RLT_METHODS_ANSWER_H
#define RLT_METHODS_ANSWER_H

#include "engine/generate.h"
#include "text/dialogue.h"

typedef struct AnswerQuestion {
    const int32_t *ids; // [n_ids]: the prompt
    int32_t n_ids;
    uint32_t address; // of its draws: the question's number in its data
} AnswerQuestion;

typedef struct Answer {
    Ids ids;         // what was sampled and what was put in
    int32_t n_put;   // tokens put in by force
    int32_t n_waits; // times that the thought was gone on with
    bool closed;     // the thought was closed by force
    Finish finish;
} Answer;

typedef struct AnswerSettings {
    // Sampling, seed, slots and cache, stop ids, max_context; max_tokens: of an answer in all, with what is put in.
    // step, stop, prompt_max_tokens and done are set by answer_questions.
    GenerateSettings generate;
    const Dialogue *dialogue; // its tags: an answer ends with the closing solution tag
    int32_t samples;          // answers a question
    int32_t thought_max;      // tokens after which an open thought is closed; 0: never
    int32_t thought_min;      // a thought that closes before so many tokens is gone on with; 0: never
    int32_t waits_max;        // at most so many times
    const char *wait_text;    // what then stands in place of the closing tag: "Wait,"
    // Called once for each question, when the last of its answers has ended, in the order in which they end. false,
    // with the error set, ends the run.
    bool (*done)(void *context, int32_t question, const Answer *answers, Error *error);
    void *context;
} AnswerSettings;

MUST_CHECK bool answer_questions(Model *model, Pass *pass, const AnswerQuestion *questions, int32_t n,
                                 const AnswerSettings *settings, Error *error);

#endif
