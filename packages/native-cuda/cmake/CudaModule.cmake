# csrc/cuda twice: vlprm_cuda.so by nvcc, and vlprm_cuda_emulated.so by the host compiler, which runs the same kernels on the CPU for tests.
# Both are shared objects of their own, so that the addon loads where there is no driver.

# Ops that have a csrc/cuda/<op>.cu.
set(VLPRM_CUDA_OPS stepScore stepLoss adamw mcLabels puctSelect expandNodes valueBackup)

set(vlprm_cuda_sources csrc/cuda/module.cc csrc/cuda/device.cc csrc/cuda/call.cc)
list(TRANSFORM VLPRM_CUDA_OPS PREPEND csrc/cuda/ OUTPUT_VARIABLE vlprm_cuda_kernels)
list(TRANSFORM vlprm_cuda_kernels APPEND .cu)

# The lab: csrc/cuda/lab/<op>.cu includes csrc/cuda/<op>.cu.
set(vlprm_lab_sources csrc/cuda/device.cc csrc/cuda/call.cc csrc/cuda/lab/lab.cc csrc/cuda/lab/main.cc)
file(GLOB vlprm_lab_kernels CONFIGURE_DEPENDS csrc/cuda/lab/*.cu)

if(NOT VLPRM_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
  elseif(VLPRM_CUDA STREQUAL "ON")
    message(FATAL_ERROR "VLPRM_CUDA=ON, but no CUDA compiler was found")
  endif()
endif()

if(CMAKE_CUDA_COMPILER AND NOT VLPRM_CUDA STREQUAL "OFF")
  # Binary code for each; the PTX of 90 covers what comes later, Thor (110) included.
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)
    set(vlprm_cuda_architectures 80-real 89-real 90 100-real 120)
  else()
    set(vlprm_cuda_architectures 80-real 89-real 90)
  endif()
  if(VLPRM_CUDA_ARCHITECTURES)
    set(vlprm_cuda_architectures ${VLPRM_CUDA_ARCHITECTURES})
  endif()
  add_library(vlprm_cuda MODULE ${vlprm_cuda_sources} ${vlprm_cuda_kernels})
  target_include_directories(vlprm_cuda PRIVATE csrc ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  set_target_properties(vlprm_cuda PROPERTIES PREFIX "" SUFFIX ".so" CUDA_ARCHITECTURES "${vlprm_cuda_architectures}" CUDA_STANDARD 17
                                              CUDA_RUNTIME_LIBRARY Static CUDA_VISIBILITY_PRESET hidden LINKER_LANGUAGE CUDA)
  # A fused multiply-add is one that the source writes: the emulation then computes the same bits.
  set(vlprm_cuda_options $<$<COMPILE_LANGUAGE:CUDA>:-O3 -fmad=false --threads=2> $<$<COMPILE_LANGUAGE:CXX>:-O2 -Wall>)
  target_compile_options(vlprm_cuda PRIVATE ${vlprm_cuda_options})
  target_link_options(vlprm_cuda PRIVATE -Wl,--exclude-libs,ALL)
  if(VLPRM_LAB)
    add_executable(vlprm_lab ${vlprm_lab_sources} ${vlprm_lab_kernels})
    target_include_directories(vlprm_lab PRIVATE csrc ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
    set_target_properties(vlprm_lab PROPERTIES CUDA_ARCHITECTURES "${vlprm_cuda_architectures}" CUDA_STANDARD 17 CUDA_RUNTIME_LIBRARY Static
                                               LINKER_LANGUAGE CUDA)
    target_compile_options(vlprm_lab PRIVATE ${vlprm_cuda_options})
  endif()
endif()

if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT VLPRM_SANITIZE MATCHES "thread")
  # CMake knows one language per source and folder, so each kernel is included into a C++ file.
  function(vlprm_emulate target)
    foreach(kernel IN LISTS ARGN)
      get_filename_component(op "${kernel}" NAME_WE)
      set(source "${CMAKE_CURRENT_BINARY_DIR}/emulated/${target}/${op}.cc")
      file(GENERATE OUTPUT "${source}" CONTENT "#include \"${CMAKE_CURRENT_SOURCE_DIR}/${kernel}\"\n")
      target_sources(${target} PRIVATE "${source}")
    endforeach()
    target_link_libraries(${target} PRIVATE vlprm_simt)
  endfunction()
  add_library(vlprm_simt STATIC EXCLUDE_FROM_ALL csrc/cuda/emulation/block.cc csrc/cuda/emulation/fiber.cc csrc/cuda/emulation/runtime.cc)
  target_include_directories(vlprm_simt PUBLIC csrc)
  target_compile_definitions(vlprm_simt PUBLIC VLPRM_SIMT_EMULATION)
  target_compile_options(vlprm_simt PUBLIC -O2 -ffp-contract=off -Wall -Wextra -Wno-unknown-pragmas)

  add_library(vlprm_cuda_emulated MODULE EXCLUDE_FROM_ALL ${vlprm_cuda_sources})
  vlprm_emulate(vlprm_cuda_emulated ${vlprm_cuda_kernels})
  set_target_properties(vlprm_cuda_emulated PROPERTIES PREFIX "" SUFFIX ".so")
  target_link_options(vlprm_cuda_emulated PRIVATE -Wl,--exclude-libs,ALL)

  if(VLPRM_TESTS)
    add_executable(vlprm_lab_emulated ${vlprm_lab_sources})
    file(GLOB vlprm_lab_names RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" csrc/cuda/lab/*.cu)
    vlprm_emulate(vlprm_lab_emulated ${vlprm_lab_names})
  endif()
endif()
