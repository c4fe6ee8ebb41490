/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#if defined(__x86_64__)

tdi_cpu_level tdi_cpu(void) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return TDI_CPU_ANY;
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    return avx512 ? TDI_CPU_AVX512 : TDI_CPU_AVX2;
}

#else

tdi_cpu_level tdi_cpu(void) {
    return TDI_CPU_ANY;
}

#endif
