// RLT dialogues: how question, solution and explanation are laid out for teacher and student (DESIGN section 1).
//
//   teacher  chat(system, user q, assistant: <solution>s</solution> "\n\n" <explanation> "\n\n"
//            and goes on: o </explanation>
//   student  chat(system, user q, assistant: <thought> "\n\n" o </thought> "\n\n" <solution>s</solution>
//
// o is all that the teacher writes before its closing tag, the blank line before the tag included: nothing is put
// between o and </thought>. Where the closing tag is missing o is the whole completion, and the student's sequence is
// made alike. s is taken as it is, white space at its ends too. The assistant's turn has no end-of-turn token in both.
//
// Ids of o are those that the teacher sampled and are never re-tokenised; the text before o and the text after o is
// each tokenised as one string. A token belongs to s (or to o) when all its characters do; tokens that straddle a tag
// and its padding ("|>\n\n") belong to neither. Tags may be ordinary text to the tokenizer or tokens of their own.
//
// A system turn is left out where its text is empty (a chat template may then insert its own).
#ifndef RLT_TEXT_DIALOGUE_H
#define RLT_TEXT_DIALOGUE_H

#include "text/chat.h"
#include "text/tokenizer.h"

typedef struct DialogueFormat {
    // Owned strings; defaults by dialogue_format_init, each can be replaced (recipe or file).
    char *teacher_system, *student_system;
    char *solution_open, *solution_close;       // <|begin_of_solution|> <|end_of_solution|>
    char *explanation_open, *explanation_close; // <|begin_of_explanation|> <|end_of_explanation|>
    char *thought_open, *thought_close;         // <|begin_of_thought|> <|end_of_thought|>
    char *padding;                              // "\n\n": after an opening explanation or thought tag, between blocks
} DialogueFormat;
void dialogue_format_init(DialogueFormat *format); // our own system prompts and the tags above
void dialogue_format_free(DialogueFormat *format);

typedef struct Dialogue { // what the functions below need; borrowed
    const Tokenizer *tokenizer;
    const ChatTemplate *chat;
    const DialogueFormat *format;
} Dialogue;

// The teacher's prompt, up to and with the padding after the opening explanation tag.
void dialogue_teacher_prompt(const Dialogue *d, Str question, Str solution, Ids *ids);
// What the assistant's turn of that prompt holds: the solution in its tags and the opening explanation tag.
void dialogue_teacher_lead(const DialogueFormat *format, Str solution, Buf *text);
// The student's (or correctness-RL policy's) prompt for answering by itself: chat(system, user q) with the assistant
// open. `system` NULL: the format's student system prompt.
void dialogue_student_prompt(const Dialogue *d, const char *system, Str question, Ids *ids);
// The part before o of the student's scoring sequence: assistant open, thought tag, padding.
void dialogue_student_before(const Dialogue *d, const char *system, Str question, Ids *ids);
// The part after o: closing thought tag, solution. solution_from/to: the range in `ids` (relative to its end before the
// call) of tokens that belong to s wholly.
void dialogue_student_after(const Dialogue *d, Str solution, Ids *ids, int32_t *solution_from, int32_t *solution_to);

// What a sampled (or given) completion of the teacher holds.
typedef struct Explanation {
    int32_t n_ids;      // leading ids that belong to o wholly
    bool closed;        // the closing tag is there
    Str text;           // o as text, without the closing tag and (trimmed of) the padding; points into the decoded Buf
} Explanation;
// Finds the closing tag in the decoded ids (`decoded` receives the text and must outlive the result). An end-of-turn
// token ends o too, and a control token at the very end is not of o.
Explanation dialogue_find_explanation(const Dialogue *d, const int32_t *ids, int32_t n_ids, Buf *decoded);

// SFT rows: ids and the first trained position (loss on ids[from..)).
// Teacher warm-up: prompt + trace + padding + closing tag + end of turn; loss after the opening tag.
void dialogue_teacher_example(const Dialogue *d, Str question, Str solution, Str trace, Ids *ids, int32_t *from);
// Student: prompt + thought + solution + end of turn; loss on the assistant's turn.
void dialogue_student_example(const Dialogue *d, const char *system, Str question, Str trace, Str solution, Ids *ids,
                              int32_t *from);

// Reading an answer: the text inside the last solution tags after the closing thought tag (in the whole text when there
// is no thought tag). false: no complete pair of tags.
bool dialogue_read_solution(const DialogueFormat *format, Str completion, Str *solution);

#endif
