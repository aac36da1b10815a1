// How the process ends after a mistake of the program.

#ifndef TAPESTRY_ENDING_H
#define TAPESTRY_ENDING_H

// Keeps the Swift runtime from printing registers and stacks after the message of a trap, unless SWIFT_BACKTRACE is
// set in the environment.
void tapestry_silence_backtrace(void);

// Writes the message to the standard error and ends the process by the signal of a trap, as fatalError does.
_Noreturn void tapestry_end(const char *message);

#endif
