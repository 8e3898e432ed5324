/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Port I/O, and by it the configuration space of PCI (mechanism 1), as far as it takes to find one
 * device: bus 0, function 0. Included once, by main.c.
 *
 * qboot leaves I/O bars unassigned and SeaBIOS assigns them; an unassigned one gets a place of our
 * own, above all ports that are fixed on `pc`.
 */
#ifndef MIGFUZZ_GUESTS_TINY_PAYLOAD_PORTS_H_
#define MIGFUZZ_GUESTS_TINY_PAYLOAD_PORTS_H_

#include <stdint.h>

#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI_SLOTS 32
#define PCI_COMMAND 0x04
#define PCI_BAR0 0x10
#define PCI_BAR_IS_IO 1u
#define PCI_COMMAND_IO_AND_MASTER 5u
#define PCI_IO_BASE 0xc000u

static void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static void out32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static uint16_t in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static uint32_t in32(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static uint32_t pci_read(uint32_t slot, uint32_t offset) {
  out32(PCI_ADDRESS, 0x80000000u | slot << 11 | offset);
  return in32(PCI_DATA);
}

static void pci_write(uint32_t slot, uint32_t offset, uint32_t value) {
  out32(PCI_ADDRESS, 0x80000000u | slot << 11 | offset);
  out32(PCI_DATA, value);
}

/* The I/O base of the first such device, decoding and mastering; 0: there is none. */
static uint16_t pci_find(uint32_t device_and_vendor) {
  uint32_t slot = 0;
  while (slot < PCI_SLOTS && pci_read(slot, 0) != device_and_vendor) ++slot;
  if (slot == PCI_SLOTS || (pci_read(slot, PCI_BAR0) & PCI_BAR_IS_IO) == 0) return 0;
  if ((pci_read(slot, PCI_BAR0) & ~3u) == 0) pci_write(slot, PCI_BAR0, PCI_IO_BASE);
  pci_write(slot, PCI_COMMAND, (pci_read(slot, PCI_COMMAND) & 0xffff) | PCI_COMMAND_IO_AND_MASTER);
  return (uint16_t)(pci_read(slot, PCI_BAR0) & ~3u);
}

#endif /* MIGFUZZ_GUESTS_TINY_PAYLOAD_PORTS_H_ */
