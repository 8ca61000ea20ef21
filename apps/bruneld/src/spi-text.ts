/** The SPI of a child SA as people and other tools write it: 8 hexadecimal digits. */
export const spiText = (spi: number): string => (spi >>> 0).toString(16).padStart(8, '0')
