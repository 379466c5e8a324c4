/** Passkeys, as far as this browser and this address know them. */

import { page, say } from './page.js'

/** Whether passkeys can be used here; never at an address of numbers. */
export const passkeysWork =
  typeof window.PublicKeyCredential === 'function' &&
  'parseRequestOptionsFromJSON' in PublicKeyCredential &&
  !/^[\d.]+$|^\[/.test(location.hostname)

/** The person, or the device, did not want to. */
export class Cancelled extends Error {
  get sentence() {
    return say('passkey_cancelled')
  }
}

/**
 * Let the person choose a passkey.
 * @param {any} options of the service
 * @param {{ quietly?: AbortSignal }} [wishes] `quietly`: offer them among what the form fills in
 * @returns {Promise<any>} the answer, as the service takes it
 */
export async function usePasskey(options, { quietly } = {}) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const wish = quietly ? { mediation: /** @type {any} */ ('conditional'), signal: quietly } : {}
  return answered(navigator.credentials.get({ publicKey, ...wish }))
}

/**
 * Let the device make a passkey.
 * @param {any} options of the service
 */
export async function makePasskey(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  return answered(navigator.credentials.create({ publicKey }))
}

/** @param {Promise<any>} asked */
async function answered(asked) {
  let credential
  try {
    credential = await asked
  } catch (error) {
    throw new Cancelled(error instanceof Error ? error.name : '')
  }
  if (!credential) throw new Cancelled('')
  return credential.toJSON()
}

/** Why there are no passkeys here, if it can be helped. */
export const passkeysNeedName = () =>
  /^127\.|^\[::1\]/.test(location.hostname) && page.words.passkeys_need_name
