/** The version that masters and agents tell each other. */
export const version = '0.1.0';
