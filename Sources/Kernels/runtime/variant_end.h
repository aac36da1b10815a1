// Takes back what variants.h defined for one variant.
#undef VARIANT
#undef VECTOR_BYTES
#undef VECTOR_REGISTERS
#undef HAS_FMA
#undef HAS_MASKS
#undef VARIANT_AVX512
#undef VARIANT_AVX2
#undef VARIANT_BASELINE
#undef VARIANT_NEON
