# cmake -DNM=... -DOBJECTS=a.o|b.o -P CheckIsaSymbols.cmake
# Fails if an object that is compiled for one instruction set exports a weak symbol: the linker merges those across objects, and the
# baseline could then run code that only newer processors have.
string(REPLACE "|" ";" OBJECTS "${OBJECTS}")
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND "${NM}" --defined-only "${object}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" weak "${symbols}")
  if(weak)
    message(FATAL_ERROR "${object} exports weak symbols:\n${weak}")
  endif()
endforeach()
