# Kernels are compiled once for each ISA level; the library takes the best one the CPU has when it starts.
#
#   taper_isas                           the levels this build has: base, and on x86-64 v3 and v4
#   taper_add_kernels(NAME SOURCE ...)   compiles the sources for each level; sets NAME to the objects
#
# With TP__ISA a source learns its level. The flags are the same in every build type: without
# -fno-trapping-math gcc does not vectorise selects, and without -ffp-contract=fast ISO C mode has no FMA.

set(kernel_flags -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast -Wno-psabi)
if(CMAKE_C_COMPILER_ID MATCHES "Clang") # some functions of F64 are libm's, which no loop over them can change
  list(APPEND kernel_flags -Wno-pass-failed)
endif()
if(TAPER_SANITIZE) # vectorised checks take minutes to compile, and find no more
  list(TRANSFORM kernel_flags REPLACE "^-O3$" "-O1")
endif()

# The level by its name, or by what it consists of for compilers that do not know the name (gcc before 11,
# clang before 12).
set(v3_by_name -march=x86-64-v3)
set(v3_by_part -msse4.2 -mpopcnt -mcx16 -mavx -mavx2 -mbmi -mbmi2 -mf16c -mfma -mlzcnt -mmovbe)
set(v4_by_name -march=x86-64-v4 -mprefer-vector-width=512)
set(v4_by_part ${v3_by_part} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl -mprefer-vector-width=512)

set(taper_isas base)
set(base_flags "")
set(base_number 0)
set(v3_number 3)
set(v4_number 4)

if(TAPER_DISPATCH)
  check_c_source_compiles("
    #if !defined(__x86_64__)
    #error no
    #endif
    int main(void) { return 0; }" TAPER_X86_64)
  if(TAPER_X86_64)
    foreach(isa v3 v4)
      string(JOIN " " CMAKE_REQUIRED_FLAGS ${${isa}_by_name})
      check_c_source_compiles("int main(void) { return 0; }" TAPER_C_KNOWS_${isa})
      if(TAPER_C_KNOWS_${isa})
        set(${isa}_flags ${${isa}_by_name})
      else()
        string(JOIN " " CMAKE_REQUIRED_FLAGS ${${isa}_by_part})
        check_c_source_compiles("int main(void) { return 0; }" TAPER_C_BUILDS_${isa})
        if(NOT TAPER_C_BUILDS_${isa})
          message(STATUS "This compiler cannot build kernels for x86-64-${isa}")
          continue()
        endif()
        set(${isa}_flags ${${isa}_by_part})
      endif()
      list(APPEND taper_isas ${isa})
    endforeach()
    unset(CMAKE_REQUIRED_FLAGS)
  endif()
endif()

function(taper_add_kernels name)
  set(objects "")
  if(ARGN)
    foreach(isa IN LISTS taper_isas)
      set(target ${name}_${isa})
      add_library(${target} OBJECT ${ARGN})
      target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
      target_compile_definitions(${target} PRIVATE TP__ISA=${${isa}_number})
      target_compile_options(${target} PRIVATE ${kernel_flags} ${${isa}_flags})
      list(APPEND objects $<TARGET_OBJECTS:${target}>)
    endforeach()
  endif()
  set(${name} ${objects} PARENT_SCOPE)
endfunction()
