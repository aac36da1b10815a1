// Checksums of bytes.
#ifndef TAPESTRY_CHECKSUM_H
#define TAPESTRY_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// The CRC-32C (Castagnoli) of bytes that follow those of checksum `crc`, 0 at the beginning. By the processor's
/// instruction where it has one.
uint32_t tapestry_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same, computed everywhere alike from a table.
uint32_t tapestry_crc32c_by_table(uint32_t crc, const void *bytes, size_t count);

#endif
