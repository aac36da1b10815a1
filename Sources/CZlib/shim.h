// The zlib of the system: `zlib1g-dev` on Debian and Ubuntu, part of the SDK on macOS.
#include <zlib.h>
