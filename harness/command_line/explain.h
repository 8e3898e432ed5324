// `migfuzz list`: every word that migfuzz uses, each with its sentence, and one of them fully.
//
// What is said is what the catalogs say of themselves. How a fault is proved and healed is the
// section of docs/faults.md about it, which lies in the program. On a terminal names are grouped
// and wrapped; into a pipe each is one line that begins with its name, for scripts.
#pragma once

#include <string>
#include <vector>

#include "harness/core/catalogs.h"

namespace migfuzz::command_line {

/// One name of a list.
struct Entry {
  std::string group;  // heading
  std::string name;
  std::string text;  // one line
};

struct Listing {
  std::string name;  // "faults"
  std::string what;  // "the ways in which a component can fail"
};
/// What can be listed.
std::vector<Listing> all_listings();
/// Throws UsageError for a listing that there is not.
std::vector<Entry> entries(const std::string& listing, const Catalogs& catalogs);

/// What `list LISTING` prints. `columns`: of the terminal; 0: it is none.
std::string explain(const std::string& listing, const Catalogs& catalogs, unsigned columns);
/// What `list LISTING NAME` prints. Throws UsageError for a name that there is not.
std::string explain_one(const std::string& listing, const std::string& name,
                        const Catalogs& catalogs, unsigned columns);
/// What `list` prints.
std::string explain_all(unsigned columns);

/// The section of docs/faults.md about a fault kind, without its heading; empty: there is none.
std::string section_about(const std::string& fault);

}  // namespace migfuzz::command_line
