if(VLPRM_SANITIZE)
  string(REPLACE ";" "," vlprm_sanitizers "${VLPRM_SANITIZE}")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${vlprm_sanitizers}> $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>
                      $<$<COMPILE_LANGUAGE:CXX>:-g>)
  add_link_options(-fsanitize=${vlprm_sanitizers})
endif()
