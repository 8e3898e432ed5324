# Read by cpack when it starts (CPACK_PROJECT_CONFIG_FILE): the version is the built program's.
#
# DEBFULLNAME and DEBEMAIL, as of Debian's own tools, name who made the package.
file(STRINGS "${CPACK_MIGFUZZ_BUILD}/generated/version.txt" CPACK_PACKAGE_VERSION)
set(CPACK_DEBIAN_PACKAGE_VERSION "${CPACK_PACKAGE_VERSION}")
set(full_name "$ENV{DEBFULLNAME}")
set(email "$ENV{DEBEMAIL}")
if(NOT full_name)
  set(full_name "migfuzz maintainers")
endif()
if(NOT email)
  set(email "maintainers@migfuzz.invalid")
endif()
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${full_name} <${email}>")
