// The stand-alone script: a case of migfuzz that can be repeated by hand, without migfuzz.
//
// Made from the plan and from what was recorded: QEMU's command lines and the commands as sent
// (qmp-*.log), the manager's decisions and what it had seen before each (history.jsonl), and where
// the channel stood when the fault struck. The script is reproduce.py with these filled in. Not
// every fault is within reach of an ordinary user, and not every finding shows from outside QEMU:
// then there is no script, and the reason is one line.
#pragma once

#include <map>
#include <string>

#include "harness/core/catalogs.h"
#include "harness/core/result.h"

namespace migfuzz {

struct Script {
  std::string text;     // empty: there is none
  std::string why_not;  // then this says why, one clause
};

/// `evidence`: the files of the case's folder by name. Pure; never throws on damaged evidence.
Script script_for(const CaseResult& result, const std::map<std::string, std::string>& evidence,
                  const Catalogs& catalogs, const std::string& migfuzz_version);

}  // namespace migfuzz
