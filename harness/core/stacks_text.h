// What a kept stack (io/stacks.h) tells about a migration that does not go on.
#pragma once

#include <string>
#include <string_view>

namespace migfuzz {

/// The function of multifd in which a source's migration thread stands, "multifd_send_sync_main";
/// empty when it stands elsewhere, or there is no such thread. QEMU names that thread
/// "live_migration" up to 9.0 and "mig/src/main" from then on (migration/migration.c).
std::string waits_for_side_channels(std::string_view stacks);

}  // namespace migfuzz
