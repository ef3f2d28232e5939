# The same portable sources, compiled once per instruction set into a namespace of its own and chosen at run time.
include(TestBigEndian)
test_big_endian(VLPRM_BIG_ENDIAN)
if(VLPRM_BIG_ENDIAN)
  message(FATAL_ERROR "mcLabels reads little-endian words; this machine uses the js backend")
endif()

function(vlprm_cpu_kernels isa)
  add_library(vlprm_cpu_${isa} OBJECT csrc/cpu/stepScore.cc csrc/cpu/stepLoss.cc csrc/cpu/adamw.cc csrc/cpu/mcLabels.cc csrc/cpu/readFloor.cc
              csrc/cpu/table.cc)
  target_include_directories(vlprm_cpu_${isa} PRIVATE csrc)
  target_compile_definitions(vlprm_cpu_${isa} PRIVATE VLPRM_ISA=${isa})
  # -fno-math-errno lets square roots be vector instructions; mcLabels must round like the TypeScript definition.
  target_compile_options(vlprm_cpu_${isa} PRIVATE -O3 -fno-math-errno -Wall -Wextra -Wno-psabi ${ARGN})
endfunction()

set_source_files_properties(csrc/cpu/mcLabels.cc PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
vlprm_cpu_kernels(baseline)
add_library(vlprm_cpu STATIC csrc/cpu/backend.cc $<TARGET_OBJECTS:vlprm_cpu_baseline>)
target_include_directories(vlprm_cpu PUBLIC csrc)
target_compile_options(vlprm_cpu PRIVATE -O2 -Wall -Wextra -Wno-psabi)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  vlprm_cpu_kernels(avx2 -mavx2 -mfma -mf16c)
  target_sources(vlprm_cpu PRIVATE $<TARGET_OBJECTS:vlprm_cpu_avx2>)
  target_compile_definitions(vlprm_cpu PRIVATE VLPRM_HAS_AVX2)
endif()
