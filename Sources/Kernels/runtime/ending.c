// How the process ends after a mistake of the program: with a message as the last thing on the screen.

#define _GNU_SOURCE
#include "include/tapestry_ending.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Gives a signal back to the system if it is the Swift runtime that would print a backtrace for it. A handler of the
// program's own stays.
static void silence(int number) {
  struct sigaction action;
  if (sigaction(number, NULL, &action) != 0) return;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return;
  Dl_info image;
  if (!dladdr((void *)action.sa_sigaction, &image) || !image.dli_fname) return;
  if (strstr(image.dli_fname, "swiftCore")) signal(number, SIG_DFL);
}

void tapestry_silence_backtrace(void) {
  if (getenv("SWIFT_BACKTRACE")) return;
  silence(SIGILL);
  silence(SIGTRAP);
}

void tapestry_end(const char *message) {
  size_t count = strlen(message);
  while (count > 0) {
    ssize_t written = write(STDERR_FILENO, message, count);
    if (written <= 0) break;
    message += written;
    count -= (size_t)written;
  }
  __builtin_trap();
}
