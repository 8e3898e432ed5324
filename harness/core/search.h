// The space of plans: drawing them at random, and making one simpler.
#pragma once

#include "harness/core/simpler.h"
