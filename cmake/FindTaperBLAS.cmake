# Finds a BLAS with the C interface (CBLAS).
#
# Without BLA_VENDOR it looks for OpenBLAS, its OpenMP build before the others: the pthread build keeps a
# thread pool of its own that fights with OpenMP's. With BLA_VENDOR, or if there is no OpenBLAS, CMake's
# FindBLAS decides, and the C interface is looked for in what it found or in a libcblas.
#
#   TaperBLAS_FOUND  TaperBLAS_LIBRARIES  TaperBLAS_INCLUDE_DIR
#   TaperBLAS_IS_OPENBLAS   it has openblas_get_corename() and its like
#   TaperBLAS_HAS_LAPACK    it has LAPACK's Fortran routines

include(CheckFunctionExists)

# Where Debian, Fedora and Homebrew keep them. Fedora calls the OpenMP build libopenblaso.
set(blas_folders openblas-openmp openblas openblas-serial openblas-pthread)
set(blas_hints /opt/homebrew/opt/openblas /usr/local/opt/openblas)

if(NOT BLA_VENDOR)
  find_library(TaperBLAS_LIBRARY NAMES openblaso openblas HINTS ${blas_hints} PATH_SUFFIXES lib ${blas_folders})
endif()
if(TaperBLAS_LIBRARY)
  get_filename_component(blas_folder ${TaperBLAS_LIBRARY} DIRECTORY)
  get_filename_component(blas_folder ${blas_folder} NAME)
  find_path(TaperBLAS_INCLUDE_DIR cblas.h HINTS ${blas_hints} PATH_SUFFIXES include ${blas_folder} ${blas_folders})
  set(TaperBLAS_LIBRARIES ${TaperBLAS_LIBRARY})
else()
  find_package(BLAS QUIET)
  set(TaperBLAS_LIBRARIES ${BLAS_LIBRARIES})
  find_path(TaperBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES ${blas_folders} cblas mkl)
endif()

set(blas_saved_libraries ${CMAKE_REQUIRED_LIBRARIES})
set(CMAKE_REQUIRED_LIBRARIES ${TaperBLAS_LIBRARIES} m)
if(TaperBLAS_LIBRARIES) # else the answer no would stay in the cache after something is installed
  check_function_exists(cblas_sgemm TaperBLAS_HAS_CBLAS)
endif()
if(TaperBLAS_LIBRARIES AND NOT TaperBLAS_HAS_CBLAS)
  find_library(TaperBLAS_CBLAS_LIBRARY cblas)
  if(TaperBLAS_CBLAS_LIBRARY)
    list(PREPEND TaperBLAS_LIBRARIES ${TaperBLAS_CBLAS_LIBRARY})
    set(CMAKE_REQUIRED_LIBRARIES ${TaperBLAS_LIBRARIES} m)
    check_function_exists(cblas_dgemm TaperBLAS_HAS_CBLAS_BESIDE)
  endif()
endif()
if(TaperBLAS_HAS_CBLAS OR TaperBLAS_HAS_CBLAS_BESIDE)
  check_function_exists(openblas_get_corename TaperBLAS_IS_OPENBLAS)
  check_function_exists(dgesv_ TaperBLAS_HAS_LAPACK)
else()
  set(TaperBLAS_LIBRARIES "")
endif()
set(CMAKE_REQUIRED_LIBRARIES ${blas_saved_libraries})
mark_as_advanced(TaperBLAS_LIBRARY TaperBLAS_INCLUDE_DIR TaperBLAS_CBLAS_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TaperBLAS REQUIRED_VARS TaperBLAS_LIBRARIES TaperBLAS_INCLUDE_DIR)
