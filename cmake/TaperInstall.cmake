# The library, its headers, and two ways to find them: find_package(taper) and pkg-config.
include(CMakePackageConfigHelpers)

install(TARGETS taper EXPORT taper)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/taper)
install(EXPORT taper NAMESPACE taper:: FILE taperTargets.cmake DESTINATION ${config_dir})
configure_package_config_file(cmake/taperConfig.cmake.in ${PROJECT_BINARY_DIR}/taperConfig.cmake
                              INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/taperConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/taperConfig.cmake ${PROJECT_BINARY_DIR}/taperConfigVersion.cmake
        DESTINATION ${config_dir})

# The pkg-config file. A static library hands its own needs to everyone, also to those who do not say --static.
set(pc_needs ${taper_libraries} ${CMAKE_THREAD_LIBS_INIT} -lm)
list(JOIN pc_needs " " pc_needs)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
else() # where the file is: the folder can be moved
  file(RELATIVE_PATH pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_prefix}")
endif()
foreach(part libdir includedir)
  string(TOUPPER ${part} upper)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${upper}}")
    set(pc_${part} "${CMAKE_INSTALL_${upper}}")
  else()
    set(pc_${part} "\${prefix}/${CMAKE_INSTALL_${upper}}")
  endif()
endforeach()
if(BUILD_SHARED_LIBS)
  set(pc_lines "Libs: -L\${libdir} -ltaper\nLibs.private: ${pc_needs}\nCflags: -I\${includedir}")
else()
  set(pc_lines "Libs: -L\${libdir} -ltaper ${pc_needs}\nCflags: -I\${includedir} -DTP_STATIC=1")
endif()
configure_file(cmake/taper.pc.in ${PROJECT_BINARY_DIR}/taper.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/taper.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
