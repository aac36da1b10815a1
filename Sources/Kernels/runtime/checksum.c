// CRC-32C: the polynomial 0x1EDC6F41, bits reflected, as in iSCSI (RFC 3720) and in the instructions of x86 and ARM.
#include "include/tapestry_checksum.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HAS_INSTRUCTION 1
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define CRC_BYTE(crc, byte) _mm_crc32_u8(crc, byte)
static bool runs_here(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
#define HAS_INSTRUCTION 1
#define CRC_TARGET __attribute__((target("crc")))
#define CRC_WORD(crc, word) __builtin_arm_crc32cd(crc, word)
#define CRC_BYTE(crc, byte) __builtin_arm_crc32cb(crc, byte)
#if defined(__linux__)
#include <sys/auxv.h>
// HWCAP_CRC32 of asm/hwcap.h.
static bool runs_here(void) { return (getauxval(AT_HWCAP) & (1 << 7)) != 0; }
#else
static bool runs_here(void) { return true; }
#endif
#else
#define HAS_INSTRUCTION 0
#endif

uint32_t tapestry_crc32c_by_table(uint32_t crc, const void *bytes, size_t count) {
  // What four bits become.
  static const uint32_t table[16] = {
      0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
      0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
  };
  const uint8_t *next = bytes;
  crc = ~crc;
  for (size_t i = 0; i < count; i++) {
    crc ^= next[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

#if HAS_INSTRUCTION
CRC_TARGET static uint32_t by_instruction(uint32_t crc, const uint8_t *next, size_t count) {
  crc = ~crc;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    crc = CRC_WORD(crc, word);
  }
  for (; count > 0; count--) crc = CRC_BYTE(crc, *next++);
  return ~crc;
}
#endif

uint32_t tapestry_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if HAS_INSTRUCTION
  if (runs_here()) return by_instruction(crc, bytes, count);
#endif
  return tapestry_crc32c_by_table(crc, bytes, count);
}
