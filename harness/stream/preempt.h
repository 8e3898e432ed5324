// Post-copy's preempt channel: the pages that the destination asked for, urgently.
//
// No header: RAM records as in the main channel's RAM sections, each naming its block or going on
// in the last one, and at the end at most an end mark (ram_save_host_page_urgent() and
// postcopy_preempt_shutdown_file(), migration/ram.c and postcopy-ram.c). Points: `preempt-page:N`,
// before the N-th page, with content or zero. A recovered post-copy opens a new such channel.
#pragma once

#include "harness/stream/side_parser.h"

namespace migfuzz::stream {

class PreemptParser final : public SideParser {
 public:
  void restart_count() override { pages_ = 0; }
  std::uint64_t pages() const { return pages_; }  // since the count began

 protected:
  Frame frame(Bytes header) override;

 private:
  std::uint64_t pages_ = 0;
  bool block_named_ = false;
};

}  // namespace migfuzz::stream
