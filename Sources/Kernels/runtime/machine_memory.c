// How much memory the machine has.
#define _GNU_SOURCE
#include "include/tapestry_machine.h"

#include <unistd.h>
#ifdef __linux__
#include <sys/sysinfo.h>
#endif

int64_t tapestry_machine_memory(void) {
#ifdef __linux__
  struct sysinfo info;
  if (sysinfo(&info) == 0) return ((int64_t)info.totalram + (int64_t)info.totalswap) * (int64_t)info.mem_unit;
#endif
  const int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && size > 0 ? pages * size : 0;
}
