# Read by CMake right after `project(llama_cpp)` of llama-cpp-python 0.3.36 (CMAKE_PROJECT_llama_cpp_INCLUDE, set by
# rules.py): what its CMakeLists.txt, and llama.cpp's below it, leave no option for.
#
#   CARAVAN_TILE_OPTIONS  compiler options for code with AMX
#   CARAVAN_WITHOUT_SME   the compiler knows no SME: its variants are compiled as those for Armv8.6

# llama-cpp-python sets it to ON in the cache, by force, and then links nothing to it: 46 of 120 files, and half of the
# time. A variable that is none of the cache's goes first (policy CMP0126, NEW since it asks for CMake 3.21).
set(LLAMA_BUILD_COMMON OFF)

function(caravan_arrange)
  caravan_cpu_libraries(cpu_libraries)
  foreach(target llama ggml ggml-base mtmd ${cpu_libraries})
    if(TARGET ${target})
      # A wheel has no links, so libllama.so, .so.0 and .so.0.5.0 would be three copies, two of which get loaded.
      set_property(TARGET ${target} PROPERTY VERSION)
      set_property(TARGET ${target} PROPERTY SOVERSION)
      set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH ON)
    endif()
  endforeach()
  foreach(target ${cpu_libraries})
    caravan_processor_options(${target})
  endforeach()
  if(TARGET mtmd)
    caravan_arrange_mtmd()
  endif()
  foreach(target llama mtmd)
    if(TARGET ${target})
      caravan_precompile(${target})
    endif()
  endforeach()
  caravan_optimise_less()
endfunction()

function(caravan_cpu_libraries result)
  get_property(found DIRECTORY vendor/llama.cpp/ggml/src PROPERTY BUILDSYSTEM_TARGETS)
  list(FILTER found INCLUDE REGEX "^ggml-cpu")
  list(FILTER found EXCLUDE REGEX "-feats$")
  set(${result} ${found} PARENT_SCOPE)
endfunction()

function(caravan_processor_options target)
  get_target_property(options ${target} COMPILE_OPTIONS)
  if(options MATCHES "-mamx-tile|-march=native")
    target_compile_options(${target} PRIVATE ${CARAVAN_TILE_OPTIONS})
  endif()
  if(CARAVAN_WITHOUT_SME AND options MATCHES "\\+sme")
    string(REPLACE "+sme" "" options "${options}")
    string(REPLACE "armv9.2-a" "armv8.6-a" options "${options}")
    set_target_properties(${target} PROPERTIES COMPILE_OPTIONS "${options}")
  endif()
endfunction()

# A file a model, each of which reads the same headers for a few lines of its own. llama's are together already.
function(caravan_arrange_mtmd)
  get_target_property(sources mtmd SOURCES)
  get_target_property(folder mtmd SOURCE_DIR)
  list(FILTER sources EXCLUDE REGEX "^models/.*\\.cpp$")
  list(TRANSFORM sources PREPEND "${folder}/")
  set_source_files_properties(${sources} TARGET_DIRECTORY mtmd PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_target_properties(mtmd PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
endfunction()

# Reading these takes a second of every file, most of which need only a few more. g++ 12.2 dies ("internal compiler
# error") where a file is at another -O than what it finds precompiled, so files at their own level do without.
function(caravan_precompile target)
  target_precompile_headers(${target} PRIVATE <algorithm> <array> <cassert> <cinttypes> <cmath> <cstdint> <cstring>
    <functional> <limits> <map> <memory> <set> <sstream> <stdexcept> <string> <unordered_map> <unordered_set> <vector>)
endfunction()

# The arithmetic is ggml's, in ggml-cpu and ggml-quants.c, and stays at -O3. What is around it takes up to three times as
# long to compile at -O3 as at -O1, for nothing where it runs only while a model is loaded, a graph laid out, or a picture
# read; what runs for every token is at -O2.
function(caravan_optimise_less)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp)
  foreach(target llama mtmd)
    if(TARGET ${target})
      target_compile_options(${target} PRIVATE -O1)
    endif()
  endforeach()
  foreach(name llama-batch llama-context llama-graph llama-kv-cache llama-kv-cache-iswa llama-memory llama-memory-hybrid
      llama-memory-hybrid-iswa llama-memory-recurrent llama-sampler llama-vocab unicode)
    list(APPEND every_token ${source}/src/${name}.cpp)
  endforeach()
  caravan_at(-O2 llama ${every_token})
  set(ggml ${source}/ggml/src)
  caravan_at(-O1 ggml-base ${ggml}/gguf.cpp ${ggml}/ggml-backend-meta.cpp ${ggml}/ggml-opt.cpp)
endfunction()

function(caravan_at level target)
  set_property(SOURCE ${ARGN} TARGET_DIRECTORY ${target} APPEND PROPERTY COMPILE_OPTIONS ${level})
  set_property(SOURCE ${ARGN} TARGET_DIRECTORY ${target} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endfunction()

cmake_language(DEFER CALL caravan_arrange)
